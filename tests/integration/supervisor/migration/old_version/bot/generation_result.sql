-- Where the result of a generation is to be had again.
SELECT result_url FROM generation WHERE id = $1::bigint AND state = 'succeeded'
