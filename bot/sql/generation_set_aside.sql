-- Later, whatever its state, and twice as late each time, but not after its deadline: for a row that cannot even be read.
-- What has a later time of its own, or none, keeps it. What is awaited after the credits went back waits as well.
WITH aside AS (
    SELECT id, deadline_at, now() + make_interval(secs => $2::double precision * 2 ^ least(steps, 5)) AS until
      FROM generation WHERE id = $1::bigint FOR NO KEY UPDATE
), late AS (
    UPDATE generation_late
       SET next_look_at = greatest(next_look_at, CASE WHEN generation_late.until > now()
                                                      THEN least(aside.until, generation_late.until) ELSE aside.until END)
      FROM aside WHERE generation_id = aside.id
)
UPDATE generation
   SET steps = steps + 1,
       next_step_at = greatest(next_step_at, CASE WHEN generation.deadline_at > now()
                                                  THEN least(aside.until, generation.deadline_at) ELSE aside.until END)
  FROM aside WHERE generation.id = aside.id
