"""The inbox: acceptance, handling and settlement of updates."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, Observe, Set, event


@event
class UpdatesAccepted(Event):
    """Arrivals are committed, told once a batch. No log line: an update is logged when it settles."""

    name = "inbox.accepted"
    message = "Updates accepted"
    level = None
    metrics = (Count("bot_updates_accepted_total", "rows"),)

    source: str
    result: Literal["new", "duplicate"]
    rows: int


@event
class UpdateSettled(Event):
    """A handler ended and its row says so: done, failed (to be tried again) or dead."""

    name = "inbox.settled"
    message = "Update settled"
    level = "INFO"
    metrics = (
        Count("bot_updates_processed_total"),
        Observe("bot_update_handler_seconds", "handler_seconds"),
        Observe("bot_update_lag_seconds", "lag_seconds"),
    )

    inbox_id: int
    outcome: Literal["done", "failed", "dead"]
    handler_seconds: float
    lag_seconds: float
    attempts: int = 1
    source: str = "telegram"


@event
class UpdateUnchanged(Event):
    """A handler that wrote nothing is done. No log line: `InboxSettled` names all rows of its batch."""

    name = "inbox.unchanged"
    message = "Update settled, nothing changed"
    level = None
    metrics = UpdateSettled.metrics

    outcome: Literal["done"]
    handler_seconds: float
    lag_seconds: float
    source: str = "telegram"


@event
class UpdateRetried(Event):
    """A failed update will be tried again; its chat waits for it."""

    name = "inbox.retried"
    message = "Update will be tried again"
    level = "WARNING"
    metrics = (Count("bot_updates_retried_total"),)

    inbox_id: int
    attempts: int
    delay_seconds: float
    error: str
    """What failed and where: the text of a handler's exception may hold a prompt."""


@event
class UpdateDead(Event):
    """An update is given up on and kept; its chat goes on."""

    name = "inbox.dead_letter"
    message = "Update given up, kept as a dead letter"
    level = "ERROR"

    inbox_id: int | None
    reason: str
    attempts: int = 0
    error: BaseException | None = None


@event
class PollConflict(Event):
    """Telegram refused a long poll: someone else polls with this token, or a webhook is set."""

    name = "inbox.poll_conflict"
    message = "Long poll refused by Telegram"
    level = "WARNING"
    metrics = (Count("bot_poll_conflicts_total"),)
    quiet_seconds = 60.0

    reason: Literal["poller", "webhook"]
    found: str


@event
class UpdateNotStored(Event):
    """An arrival is not known to be stored; whoever brought it was told to offer it again."""

    name = "inbox.not_stored"
    message = "Update not stored"
    level = "WARNING"
    metrics = (Count("bot_updates_not_stored_total"),)
    quiet_seconds = 10.0

    source: str
    reason: Literal["full", "late", "lost", "refused"]


@event
class InboxFlushed(Event):
    """A batch of arrivals was written, in one transaction or row by row."""

    name = "inbox.flushed"
    message = "Batch written"
    level = None
    metrics = (Observe("bot_inbox_flush_rows", "rows"), Observe("bot_inbox_flush_seconds", "seconds"))

    rows: int
    seconds: float


@event
class InboxRowRefused(Event):
    """The database refuses one row of a batch; the others were stored."""

    name = "inbox.row_refused"
    message = "Arrival refused by the database"
    level = "ERROR"

    source: str
    error: BaseException


@event
class InboxWriterConnected(Event):
    """The writer has its connection: arrivals are accepted."""

    name = "inbox.writer_connected"
    message = "Inbox accepts arrivals"
    level = "INFO"

    seconds: float


@event
class InboxWriterLost(Event):
    """The writer has no connection: arrivals are refused until it has one again."""

    name = "inbox.writer_lost"
    message = "Inbox lost its connection"
    level = "ERROR"
    traced = False
    quiet_seconds = 10.0

    error: BaseException
    retry_seconds: float


@event
class InboxClaimed(Event):
    """The worker has claimed rows."""

    name = "inbox.claimed"
    message = "Rows claimed"
    level = None
    metrics = (Observe("bot_inbox_claim_rows", "rows"),)

    rows: int


@event
class InboxSettled(Event):
    """Rows whose handlers wrote nothing were settled in one transaction: one line for all of them."""

    name = "inbox.batch_settled"
    message = "Updates settled that changed nothing"
    level = "INFO"
    metrics = (Observe("bot_inbox_settle_rows", "rows"),)

    rows: int
    ids: tuple[int, ...] = ()


@event
class InboxPaced(Event):
    """How busy the worker is, told once a round."""

    name = "inbox.paced"
    message = "Worker's round"
    level = None
    metrics = (
        Set("bot_inbox_handlers_running", "running"),
        Set("bot_inbox_rows_held", "held"),
        Set("bot_inbox_lanes_waiting", "waiting"),
    )

    running: int
    held: int
    waiting: int


@event
class InboxRecovered(Event):
    """Rows that nobody held any more are ready again."""

    name = "inbox.recovered"
    message = "Claimed rows taken back"
    level = "WARNING"
    metrics = (Count("bot_inbox_returned_total", "rows", reason="recovered"),)

    rows: int
    epoch: int


@event
class InboxStalled(Event):
    """The worker cannot reach the database; it tries again, and no update is charged with it."""

    name = "inbox.stalled"
    message = "Inbox worker without database"
    level = "WARNING"
    quiet_seconds = 10.0

    error: BaseException
    retry_seconds: float


@event
class UpdateSpared(Event):
    """The database went away or gave up under a handler: its start is not counted and it will be started again."""

    name = "inbox.spared"
    message = "Update interrupted by the database"
    level = "WARNING"
    metrics = (Count("bot_updates_retried_total"),)
    quiet_seconds = 10.0

    inbox_id: int
    delay_seconds: float
    error: str


@event
class UpdateInterrupted(Event):
    """A handler was still running at the deadline of the drain: rolled back, its row is handed back."""

    name = "inbox.interrupted"
    message = "Handler interrupted at the end of the drain"
    level = "WARNING"

    inbox_id: int
    attempts: int


@event
class InboxDrained(Event):
    """The worker has ended: what it had claimed and not settled is ready for the next."""

    name = "inbox.drained"
    message = "Inbox worker drained"
    level = "INFO"
    metrics = (
        Count("bot_inbox_returned_total", "handed_back", reason="handed_back"),
        Set("bot_inbox_handlers_running", 0),
        Set("bot_inbox_rows_held", 0),
        Set("bot_inbox_lanes_waiting", 0),
    )

    handed_back: int
    lanes: int = 0
    first_ids: tuple[int, ...] = ()
    failure: str | None = None


@event
class RowsRemoved(Event):
    """A batch of rows was removed that had been kept for as long as anybody may need them."""

    name = "inbox.rows_removed"
    message = "Old rows removed"
    level = "INFO"
    metrics = (Count("bot_rows_removed_total", "rows"),)
    quiet_seconds = 600.0

    kind: Literal["inbox_done", "inbox_dead", "outbox", "erased_messages", "erased_arrivals"]
    rows: int


@event
class RetentionHeldUp(Event):
    """A batch of old rows could not be removed now; it is tried again later, with half as many."""

    name = "inbox.retention_held_up"
    message = "Old rows left for later"
    level = "WARNING"
    traced = False
    quiet_seconds = 600.0

    kind: Literal["inbox_done", "inbox_dead", "outbox", "erased_messages", "erased_arrivals"]
    rows: int
    error: BaseException


@event
class UpdateReplayed(Event):
    """A dead letter is ready again as a new row at the end of its lane; the old one is done."""

    name = "inbox.replayed"
    message = "Dead letter replayed"
    level = "INFO"

    inbox_id: int
    replayed_as: int
