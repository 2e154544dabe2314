"""What a provider of generations promises, and how its failures are told apart.

                         was a task made?   then
    InputRefused         no                 the user's: say why, release
    Misconfigured        no                 ours: page the operator, release
    TemporarilyFailed    no                 nobody's: release
    TooManyRequests      no, not queued     wait a whole window, submit the same row again
    NotReached           no                 nothing was sent: submit the same row again, for a while
    OutcomeUnknown       perhaps            never submit again: found by reconciliation, else released at the deadline

An upload and a look make no task: after any of these they may be tried again.

Messages of these errors hold an operation and a code: no address, no key, no prompt. What the provider said is in
`detail`, for the row, never for the log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

Wire = str | int | bool | Decimal | Sequence["Wire"] | Mapping[str, "Wire"]
"""What an input may be on the wire: JSON's forms; a file is the address it was uploaded to."""

Operation = Literal["create", "poll", "balance", "upload"]
Failure = Literal["user", "moderation", "ours", "transient", "timeout", "unknown", "undeliverable"]
"""Why a generation failed: as its row keeps it, and as the user is told."""

DETAIL_LENGTH = 200


def plain(text: str) -> str:
    """Return foreign text as a database takes it: without halves of surrogate pairs and without NUL."""
    return text.encode(errors="replace").decode().replace("\0", "?")


class ProviderError(Exception):
    """A call to the provider that brought no result."""

    failure: Failure = "transient"

    def __init__(self, operation: Operation, code: str, detail: str = "", failure: Failure | None = None) -> None:
        super().__init__(f"{operation} at the provider: {code}")
        self.operation = operation
        self.code = code
        self.detail = plain(detail[:DETAIL_LENGTH])
        self.failure = failure or self.failure


class InputRefused(ProviderError):
    """The inputs are refused, or moderated: another try with the same ones cannot help."""

    failure = "user"


class Misconfigured(ProviderError):
    """The key, the operator's balance or this program is wrong; no user can do anything about it."""

    failure = "ours"


class TemporarilyFailed(ProviderError):
    """The provider says that it could not; later it may."""


class TooManyRequests(ProviderError):
    """The rate limit: rejected, not queued, not charged."""


class NotReached(ProviderError):
    """No connection: the provider has seen nothing of this call."""


class OutcomeUnknown(ProviderError):
    """The call may have taken effect: the answer did not come, or says nothing."""

    failure = "unknown"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made, by the wire's names; the provider may tell its progress to `callback_url`."""

    model_id: str
    inputs: Mapping[str, Wire]
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The task is waiting or under way; states nobody has heard of count as this too."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The task has results, files or a text; `credits` is what the provider took, where it says so."""

    urls: tuple[str, ...]
    credits: Decimal | None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The task has ended without a result."""

    failure: Failure
    code: str
    detail: str


Progress = Pending | Succeeded | Failed


class Provider(Protocol):
    """A family of models behind one wire protocol; every call ends within a timeout."""

    async def create(self, order: Order) -> str:
        """Have a task made and return its id, or raise the ProviderError that says whether one may exist."""
        ...

    async def poll(self, task_id: str) -> Progress:
        """Return how a task stands, or raise a ProviderError: then it stands as before."""
        ...


class Account(Protocol):
    """The operator's account with the provider."""

    async def balance(self) -> Decimal:
        """Return the credits that are left, or raise a ProviderError."""
        ...


class Uploader(Protocol):
    """Where users' files are put for the provider's models to read; they are kept there for a day or more."""

    async def upload(self, name: str, mime: str, content: bytes | AsyncIterator[bytes], size: int | None = None) -> str:
        """Put a file there and return its address, or raise a ProviderError; another try makes another copy.

        With `size` the content must be exactly so long. An error of `content` itself is raised as it is.
        """
        ...
