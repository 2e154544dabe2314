"""The outbox: replies on their way to Telegram."""

from __future__ import annotations

from telemetry.events.base import Count, Event, event


@event
class MessageSent(Event):
    """Telegram took a call of the outbox."""

    name = "outbox.sent"
    message = "Message sent"
    level = "DEBUG"
    metrics = (Count("bot_outbox_sends_total", outcome="sent"),)

    outbox_id: int
    method: str
    seconds: float


@event
class MessageFailed(Event):
    """Telegram refused a call for good; the row keeps the reason."""

    name = "outbox.failed"
    message = "Message refused by Telegram"
    level = "WARNING"
    metrics = (Count("bot_outbox_sends_total", outcome="failed"),)

    outbox_id: int
    method: str
    reason: str


@event
class MessageRetried(Event):
    """A call could not be made now and will be made again."""

    name = "outbox.retried"
    message = "Message will be sent again"
    level = "WARNING"
    metrics = (Count("bot_outbox_sends_total", outcome="retried"),)
    quiet_seconds = 30.0

    outbox_id: int
    method: str
    reason: str
    delay_seconds: float


@event
class MessageSkipped(Event):
    """A call was left out because a newer one replaces it or because it is harmless to leave out."""

    name = "outbox.skipped"
    message = "Message skipped"
    level = "DEBUG"
    metrics = (Count("bot_outbox_sends_total", outcome="skipped"),)

    outbox_id: int
    method: str
    reason: str


@event
class MessageAmbiguous(Event):
    """A call whose result is unknown after a crash is made again; it may arrive twice."""

    name = "outbox.ambiguous_resend"
    message = "Message sent again: its first sending is unknown"
    level = "WARNING"
    metrics = (Count("bot_sends_ambiguous_total"),)

    outbox_id: int
    method: str
    epoch: int


@event
class OutboxStalled(Event):
    """The outbox cannot reach the database; it tries again, and nothing is sent that could not be noted."""

    name = "outbox.stalled"
    message = "Outbox without database"
    level = "WARNING"
    quiet_seconds = 10.0

    error: BaseException
    retry_seconds: float
