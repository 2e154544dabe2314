-- How many generations of a user are under way; the user's row is locked first, so that two chats cannot pass at once.
WITH one_at_a_time AS MATERIALIZED (SELECT id FROM users WHERE id = $1::bigint FOR NO KEY UPDATE)
SELECT count(generation.id)
  FROM one_at_a_time
  LEFT JOIN generation ON generation.user_id = one_at_a_time.id
                      AND generation.state IN ('held', 'submitting', 'submitted')
