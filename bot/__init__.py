"""The bot: turns Telegram updates into paid generations."""
