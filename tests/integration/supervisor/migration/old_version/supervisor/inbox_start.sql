-- Note how often the handler of each row was started; returns the rows that are still this term's.
UPDATE inbox SET attempts = started.attempts
  FROM unnest($1::bigint[], $2::integer[]) AS started (id, attempts)
 WHERE inbox.id = started.id AND state = 'claimed' AND owner_epoch = $3::bigint
RETURNING inbox.id
