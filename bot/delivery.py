"""What becomes of a queued call to Telegram: rules over what was found, no I/O.

    before() ── skip what is late or has nothing to edit
    judge()  ── what an error of Telegram means: sent after all, again later, or failed
    unknown() ─ what to do when nobody knows whether it was sent: once more, then never again

Telegram has no idempotency key, so one message may arrive twice; it is counted, and only one repeat is allowed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import httpx
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.limits import UNCOUNTED
from bot.pause import pause
from telemetry.redact import redact

# Opt in to durations as timedelta: without it the library warns at every RetryAfter.
os.environ.setdefault("PTB_TIMEDELTA", "true")

MAX_ATTEMPTS: Final = 20
"""Calls that reached Telegram and were not carried out, before a row is given up."""
LATE_SECONDS: Final = 20.0
"""After which a best-effort call is pointless: Telegram has stopped the button's spinner itself."""
RETRY_BASE_SECONDS: Final = 0.5
RETRY_CAP_SECONDS: Final = 60.0
AWAY_CAP_SECONDS: Final = 30.0
RETRY_AFTER_FLOOR_SECONDS: Final = 1.0
RETRY_AFTER_CAP_SECONDS: Final = 3600.0
"""A longer wait is asked about once an hour: a message that Telegram would take by then should not lie for a day."""
REASON_CHARACTERS: Final = 200
# RuntimeError: the client is closed, because the connection to Telegram is being set up anew.
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, RuntimeError)
_REPEATABLE = ("editMessageText",)
_FILED = ("sendPhoto", "sendVideo", "sendAudio", "sendDocument", "sendMediaGroup")
_GATEWAY = "gateway"
"""502 and 504 are a gateway's words for not having heard Telegram's own."""
_UNCHANGED = "message is not modified"
_TOO_LARGE = re.compile(r"(?:entity|content) too large|file is too big$", re.IGNORECASE)
"""413, and what Telegram says of files; a picture that is too big for a photo may go as a file."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One queued call; `age` is its age on the database's clock, `target_…` the message that it edits.

    `unreachable`: its chat takes nothing any more. `moved_to`: the id that its chat has by now.
    """

    id: int
    lane: str
    chat_id: int
    method: str
    params: Mapping[str, Any] = field(repr=False)
    best_effort: bool
    edits: int | None
    generation_id: int | None
    attempts: int
    ambiguous: int
    traceparent: str | None
    age: float
    target_state: str | None
    target_message_id: int | None
    target_chat_id: int | None = None
    unreachable: bool = False
    moved_to: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it puts something into a chat, so that the chat's limits apply."""
        return self.method not in UNCOUNTED

    @property
    def repeatable(self) -> bool:
        """Whether doing it twice is the same as doing it once."""
        return self.method in _REPEATABLE

    @property
    def has_file(self) -> bool:
        """Whether files of its generation go with it."""
        return self.method in _FILED


@dataclass(frozen=True, slots=True)
class Sent:
    """Telegram carried the call out; `others` are the files of an album after its first."""

    message_id: int | None = None
    file_id: str | None = None
    others: tuple[str, ...] = ()

    @property
    def file_ids(self) -> tuple[str, ...]:
        """Telegram's ids of the files that were sent, in order."""
        return () if self.file_id is None else (self.file_id, *self.others)


@dataclass(frozen=True, slots=True)
class Failed:
    """The call will not be made again. `quiet`: nobody misses it. `unreachable`: the chat takes nothing any more.

    `refused`: Telegram does not take it as it is; in another form it might. `too_large`: as a file in none.
    """

    reason: str
    quiet: bool = False
    unreachable: bool = False
    refused: bool = False
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """The call is made again after some seconds; its lane waits. `ambiguous`: it may have been carried out.

    `limited`: Telegram told us to wait.
    """

    reason: str
    after: float
    attempts: int
    ambiguous: bool = False
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """The chat has another id: the call is made there, with all that waits behind it."""

    chat_id: int
    attempts: int


Outcome: TypeAlias = Sent | Failed
Verdict: TypeAlias = Sent | Failed | Again | Moved


def before(row: Outgoing) -> Verdict | None:
    """Decide without a call, where that is possible."""
    if row.best_effort and row.age > LATE_SECONDS:
        return Failed("too late to matter", quiet=True)
    if not row.counts:
        return None
    if row.moved_to is not None:
        return Moved(row.moved_to, row.attempts)
    if row.unreachable:
        return Failed("the chat takes no messages")
    return None if row.edits is None else _before_edit(row)


def _before_edit(row: Outgoing) -> Verdict | None:
    if row.target_state in ("ready", "sending"):
        return Again("the message to edit is not sent yet", RETRY_BASE_SECONDS, row.attempts)
    if row.target_message_id is None:
        return Failed("the message to edit was not sent", quiet=True)
    if row.target_chat_id not in (None, row.chat_id):
        # Its number means another message, or none, in the chat that this one has become.
        return Failed("the message to edit stayed in the chat's old group", quiet=True)
    return None


def judge(row: Outgoing, error: TelegramError, jitter: float) -> Verdict:
    """Decide what an error means for a row whose attempts count the call that failed."""
    why = reason(error)
    if row.repeatable and isinstance(error, BadRequest) and _UNCHANGED in error.message.lower():
        return Sent(row.target_message_id)
    if row.best_effort:
        return Failed(why, quiet=True)
    if row.has_file and _TOO_LARGE.search(error.message):
        # Also in the words of a server in front of Telegram, whose answer is no JSON.
        return Failed(why, refused=True, too_large=True)
    if isinstance(error, Forbidden | BadRequest):
        unreachable = isinstance(error, Forbidden)
        return Failed(why, unreachable=unreachable, refused=not unreachable)
    return _elsewhere(row, error) or _later(row, error, why, jitter)


def _elsewhere(row: Outgoing, error: TelegramError) -> Verdict | None:
    """Decide about the answers that say when or where the call can be made; the row is not at fault."""
    if isinstance(error, RetryAfter):
        after = min(max(wait_asked(error), RETRY_AFTER_FLOOR_SECONDS), RETRY_AFTER_CAP_SECONDS)
        return Again(reason(error), after, row.attempts - 1, limited=True)
    return Moved(error.new_chat_id, row.attempts - 1) if isinstance(error, ChatMigrated) else None


def _later(row: Outgoing, error: TelegramError, why: str, jitter: float) -> Verdict:
    if isinstance(error, InvalidToken) or isinstance(error.__cause__, _NOT_CONNECTED):
        # Nothing reached Telegram, or it refuses the token: no call of this row is at fault.
        return Again(why, away(row.age, jitter), row.attempts - 1)
    return later(row, why, jitter) if _answered(error) else unknown(row, why)


def _answered(error: TelegramError) -> bool:
    """Whether Telegram itself answered, if only with a 500: then nothing was done."""
    return error.__cause__ is None and _GATEWAY not in error.message.lower()


def later(row: Outgoing, why: str, jitter: float) -> Failed | Again:
    """Decide after an answer that says "not now": again after a pause, a bounded number of times."""
    if row.best_effort or row.attempts >= MAX_ATTEMPTS:
        return Failed(why, quiet=row.best_effort)
    after = pause(row.attempts, jitter, base=RETRY_BASE_SECONDS, cap=RETRY_CAP_SECONDS)
    return Again(why, after, row.attempts)


def unknown(row: Outgoing, why: str) -> Verdict:
    """Decide when the call may or may not have been carried out: by a crash, or without an answer."""
    if row.best_effort:
        return Failed(why, quiet=True)
    if row.repeatable:
        return later(row, why, 0.0)
    if row.ambiguous:
        return Failed(f"its outcome was unknown twice: {why}")
    return Again(why, RETRY_BASE_SECONDS, row.attempts, ambiguous=True)


def away(age: float, jitter: float) -> float:
    """Return the seconds to wait while Telegram cannot be reached: a quarter of the row's age, 1 s to 30 s."""
    return min(AWAY_CAP_SECONDS, max(1.0, age / 4)) * (0.5 + jitter / 2)


def wait_asked(error: RetryAfter) -> float:
    """Return how long Telegram asks us to wait, in seconds."""
    wait = error.retry_after
    return float(wait) if isinstance(wait, int) else wait.total_seconds()


def reason(error: Exception) -> str:
    """Return what Telegram said, short and without secrets; only the type of what is not Telegram's own text."""
    said = error if error.__cause__ is None else type(error.__cause__).__name__
    return redact(f"{type(error).__name__}: {said}")[:REASON_CHARACTERS]


def clean(text: str) -> str:
    """Return the text as UTF-8 can carry it: surrogate pairs joined, lone surrogates replaced, no NUL."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
