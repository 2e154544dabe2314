-- Where these chats have moved to, those that have.
SELECT new_id FROM chat_moved WHERE old_id = ANY ($1::bigint[])
