-- A group from which somebody speaks to the bot has it as a member again.
DELETE FROM group_unreachable WHERE chat_id = $1::bigint
