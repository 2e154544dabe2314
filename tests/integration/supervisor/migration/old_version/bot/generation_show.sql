-- What the progress message shows now; no row when it shows that already, or was edited too recently.
UPDATE generation SET shown = $2::text, shown_at = now()
 WHERE id = $1::bigint AND shown IS DISTINCT FROM $2::text
   AND (shown_at IS NULL OR shown_at <= now() - make_interval(secs => $3::double precision))
RETURNING status_outbox_id
