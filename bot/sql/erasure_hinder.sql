-- What of a user's is under way, and could not be forgotten now; the user's row is locked first, so that nothing begins.
WITH one_at_a_time AS MATERIALIZED (SELECT id FROM users WHERE id = $1::bigint FOR NO KEY UPDATE)
SELECT generation.id
  FROM one_at_a_time
  JOIN generation ON generation.user_id = one_at_a_time.id
  LEFT JOIN generation_late AS late ON late.generation_id = generation.id
 WHERE generation.state NOT IN ('quoted', 'expired', 'charged', 'released') OR late.state = 'sent'
 LIMIT 1
