-- Note that this model could not make it, and what was quoted before another may; no row when somebody chose it, or a
-- callback has named its task. A callback that comes a moment later waits for what follows.
UPDATE generation_route AS route
   SET tried = tried || $2::text, reason = 'fallback', quoted = coalesce(route.quoted, generation.price)
  FROM (SELECT id, price FROM generation WHERE id = $1::bigint AND state = 'submitting' FOR NO KEY UPDATE) AS generation
 WHERE route.generation_id = generation.id
RETURNING requested
