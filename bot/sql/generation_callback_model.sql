-- The model of the generation that a callback's token belongs to.
SELECT model_id FROM generation WHERE callback_token = $1::uuid
