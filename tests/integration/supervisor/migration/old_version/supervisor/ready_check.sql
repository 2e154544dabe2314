-- Whether the lock's functions exist and this role may call them: without them no instance could ever lead.
SELECT name AS missing
  FROM unnest(ARRAY['lock_claim(bigint,text,integer,bigint,bigint,text,boolean)', 'lock_renew(bigint,text,bigint,integer)',
                    'lock_release(bigint,text,bigint)', 'lock_beacon(bigint,text,bigint,integer[])',
                    'lock_fence(bigint,bigint,bigint)']) AS name
 WHERE coalesce(NOT has_function_privilege(to_regprocedure(name)::oid, 'EXECUTE'), true)
