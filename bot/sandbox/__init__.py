"""The sandbox: a Telegram Bot API server, a provider and a chat page in one process of their own, for development."""
