-- A quote with other inputs, or asked for again: it is fresh, and so is its price.
UPDATE generation SET inputs = $2::text::json, price = $3::bigint, quoted_at = now()
 WHERE id = $1::bigint AND state = 'quoted'
RETURNING id
