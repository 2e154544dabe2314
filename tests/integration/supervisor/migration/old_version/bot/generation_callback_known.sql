-- Whether a callback's token belongs to a generation.
SELECT EXISTS (SELECT FROM generation WHERE callback_token = $1::uuid)
