"""The composition root: the only place that knows both the supervisor and the bot."""
