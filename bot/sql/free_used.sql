-- What was free today, for this user and for all; what failed is not counted, but what was made and could not be delivered.
SELECT count(*) FILTER (WHERE free.user_id = $1::bigint) AS own, count(*) AS everybody
  FROM free_generation AS free
  JOIN generation ON generation.id = free.generation_id
 WHERE free.day = (now() AT TIME ZONE 'UTC')::date
   AND (generation.state NOT IN ('failed', 'released') OR generation.failure_class = 'undeliverable')
