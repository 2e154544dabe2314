-- Another look later; what is awaited is looked for no later than its end.
UPDATE generation_late
   SET next_look_at = CASE WHEN state = 'awaited' AND until > now()
                           THEN least(until, now() + make_interval(secs => $2::double precision))
                           ELSE now() + make_interval(secs => $2::double precision) END
 WHERE generation_id = $1::bigint AND state IN ('awaited', 'sent')
