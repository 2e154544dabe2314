-- Whether a generation brought several results: then they may have come as an album, which has no buttons.
SELECT count(*) > 1 FROM generation_result WHERE generation_id = $1::bigint
