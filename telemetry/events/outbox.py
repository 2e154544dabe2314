"""The outbox: replies on their way to Telegram."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, Observe, event


@event
class MessageSent(Event):
    """Telegram took a call of the outbox."""

    name = "outbox.sent"
    message = "Message sent"
    level = "DEBUG"
    metrics = (Count("bot_outbox_sends_total", outcome="sent"), Observe("bot_outbox_lag_seconds", "lag_seconds"))

    outbox_id: int
    method: str
    seconds: float
    lag_seconds: float | None = None


@event
class MessagePaced(Event):
    """A call waits because of a limit, one's own or Telegram's."""

    name = "outbox.paced"
    message = "Message held back by a limit"
    level = None
    metrics = (Count("bot_outbox_wait_seconds_total", "seconds"),)

    limit: Literal["chat", "group", "overall", "retry_after"]
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
class OutboxPaused(Event):
    """Several chats were told to wait at once: the bot as a whole is too fast, and nothing is sent for a while."""

    name = "outbox.paused"
    message = "Outbox pauses: Telegram told several chats to wait"
    level = "WARNING"
    metrics = (Count("bot_outbox_pauses_total"),)

    seconds: float


@event
class ChatUnreachable(Event):
    """A chat takes nothing any more: the bot was blocked or removed, or the user is gone."""

    name = "outbox.chat_unreachable"
    message = "Chat takes no messages any more"
    level = "INFO"
    metrics = (Count("bot_chats_unreachable_total"),)

    outbox_id: int
    reason: str


@event
class ChatMoved(Event):
    """A group became a supergroup; what is queued for its old id goes to the new one."""

    name = "outbox.chat_moved"
    message = "Group has a new id"
    level = "INFO"
    metrics = (Count("bot_chats_moved_total"),)


@event
class OutboxStalled(Event):
    """The outbox cannot reach the database; it tries again, and nothing is sent that could not be noted."""

    name = "outbox.stalled"
    message = "Outbox without database"
    level = "WARNING"
    quiet_seconds = 10.0

    error: BaseException
    retry_seconds: float
