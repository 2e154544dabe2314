"""Telegram's side: whether its API answers and how updates reach us."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, event


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
    metrics = (Count("bot_poll_failures_total"),)
    quiet_seconds = 30.0

    reason: Literal["unreachable", "slow", "refused", "flood", "unauthorized", "malformed", "not_stored"]
    found: str
    retry_seconds: float


@event
class PollStuck(Event):
    """What a poll brought is stored, but names no number by which Telegram could be told so: it may come again."""

    name = "telegram.poll_stuck"
    message = "Updates cannot be confirmed"
    level = "ERROR"
    metrics = (Count("bot_poll_failures_total", reason="stuck"),)
    quiet_seconds = 30.0

    entries: int
    retry_seconds: float


@event
class PreCheckoutAnswered(Event):
    """Telegram asked whether a payment may go on: ok, why it may not, or why there is no answer."""

    name = "telegram.pre_checkout"
    message = "Asked before a payment"
    level = "INFO"
    metrics = (Count("bot_pre_checkout_answers_total"),)

    answer: Literal["ok", "unknown", "other_user", "other_price", "expired", "paid", "cancelled", "late", "unanswered"]
    seconds: float
    error: BaseException | None = None
