-- Offer a model again.
DELETE FROM model_switch WHERE model_id = $1::text
