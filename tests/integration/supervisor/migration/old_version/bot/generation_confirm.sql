-- Confirmed: the credits are held, the provider is next.
UPDATE generation
   SET state = 'held', hold_id = $2::bigint, next_step_at = now(),
       deadline_at = now() + make_interval(secs => $3::double precision), shown = 'queued', shown_at = now()
 WHERE id = $1::bigint AND state = 'quoted'
