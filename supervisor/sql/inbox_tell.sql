-- Write what became of claimed rows: done, dead, ready again, or claimed still with another count; those still this term's.
UPDATE inbox SET state = told.state, attempts = told.attempts,
                 owner_epoch = CASE told.state WHEN 'claimed' THEN owner_epoch END,
                 settled_at = CASE WHEN told.state IN ('done', 'dead') THEN now() END,
                 last_error = CASE told.state
                                  WHEN 'done' THEN NULL
                                  WHEN 'dead' THEN concat_ws('; before: ', told.error, nullif(last_error, told.error))
                                  ELSE coalesce(told.error, last_error) END
  FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::text[]) AS told (id, state, attempts, error)
 WHERE inbox.id = told.id AND inbox.state = 'claimed' AND owner_epoch = $5::bigint
RETURNING inbox.id
