"""Telegram's side: whether its API answers and how updates reach us."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Event, event


@event
class TelegramUnavailable(Event):
    """A call that the bot needs to work was not answered or refused; it is made again."""

    name = "telegram.unavailable"
    message = "Telegram does not answer as needed"
    level = "WARNING"
    quiet_seconds = 30.0

    call: str
    error: BaseException
    retry_seconds: float


@event
class WebhookReconciled(Event):
    """The webhook that Telegram knew was not the one we want, and now is."""

    name = "telegram.webhook_reconciled"
    message = "Webhook reconciled"
    level = "INFO"

    action: Literal["set", "deleted"]
    differences: tuple[str, ...]


@event
class PollFailed(Event):
    """A poll brought nothing, or what it brought could not be stored; the same updates will be asked for again."""

    name = "telegram.poll_failed"
    message = "Poll failed"
    level = "WARNING"
    quiet_seconds = 30.0

    error: str
    retry_seconds: float
