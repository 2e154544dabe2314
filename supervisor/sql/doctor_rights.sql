-- What this role lacks: one row a thing that it may not do and an instance must.
WITH ours AS (
    SELECT oid, relname, relowner FROM pg_class
     WHERE relnamespace = to_regnamespace(current_schema()) AND relkind = 'r'
       AND relname ~ '^(lock_|ledger_|generation|model_|provider_balance$|inbox$|outbox$|users$|chat_moved$|group_unreachable$|payment_order$'
                     '|dialog$|referral$|free_generation$|erasure$|admin_action$'
                     '|generated_setting$|migration_history$)'
)
SELECT 'create in ' || coalesce('schema ' || current_schema(), 'any schema of search_path: none exists') AS missing
 WHERE NOT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
UNION ALL
SELECT 'end sessions of its own (pg_terminate_backend)'
 WHERE NOT has_function_privilege('pg_terminate_backend(integer,bigint)', 'EXECUTE')
UNION ALL
SELECT 'read and write ' || string_agg(relname, ', ' ORDER BY relname) FROM ours
 WHERE NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE'))
HAVING count(*) > 0
UNION ALL
SELECT 'remove from ' || string_agg(relname, ', ' ORDER BY relname) FROM ours
 WHERE relname IN ('inbox', 'outbox', 'group_unreachable', 'model_hour', 'dialog', 'generation_result', 'model_switch') AND NOT has_table_privilege(oid, 'DELETE')
HAVING count(*) > 0
UNION ALL
SELECT 'migrate what belongs to ' || string_agg(DISTINCT pg_get_userbyid(relowner), ', ') FROM ours
 WHERE NOT pg_has_role(relowner, 'USAGE')
HAVING count(*) > 0
