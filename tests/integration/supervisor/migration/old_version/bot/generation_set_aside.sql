-- Later, whatever its state: for a row that cannot even be read.
UPDATE generation SET next_step_at = now() + make_interval(secs => $2::double precision) WHERE id = $1::bigint
