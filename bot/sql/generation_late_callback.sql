-- A hint about a task whose credits went back: its id, if nobody knew, and a look at it at once.
WITH known AS (
    UPDATE generation g SET task_id = coalesce(g.task_id, $2::text)
     WHERE g.callback_token = $1::uuid AND g.state = 'released' AND coalesce(g.task_id, $2::text) IS NOT NULL
       AND EXISTS (SELECT FROM generation_late WHERE generation_id = g.id AND state = 'awaited')
       AND NOT EXISTS (SELECT FROM generation o WHERE o.task_id = $2::text AND o.id <> g.id)
    RETURNING g.id)
UPDATE generation_late SET next_look_at = now() FROM known WHERE generation_id = known.id AND state = 'awaited'
RETURNING generation_id
