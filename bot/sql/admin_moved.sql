-- How much an operator's order really moved.
UPDATE admin_action SET amount = $2::bigint WHERE update_id = $1::bigint
