"""What can go wrong in the bot, where somebody else has to decide what follows."""

from __future__ import annotations


class BotError(Exception):
    """A failure of the bot; its message says what was attempted, what was found and what to do."""


class InvalidSetup(BotError):
    """The settings contradict what Telegram says: starting again cannot help."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Unreadable(BotError):
    """An update that no handler will ever understand: handling it again cannot help. Its message quotes nothing of it."""
