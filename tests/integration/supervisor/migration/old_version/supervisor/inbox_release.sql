-- Make claimed rows of this and older terms ready again, except those held in memory; their attempts stay.
UPDATE inbox SET state = 'ready', owner_epoch = NULL
 WHERE state = 'claimed' AND owner_epoch <= $1::bigint AND id <> ALL ($2::bigint[])
