-- End the term that was seen at epoch $2; false: it is over already.
SELECT lock_break($1::bigint, $2::bigint)
