"""What a provider of generations promises, and how its failures are told apart.

                         was a task made?   then
    InputRefused         no                 the user's: say why, release
    Misconfigured        no                 ours: page the operator, release
    TemporarilyFailed    no                 nobody's: release
    TooManyRequests      no, not queued     wait a whole window, submit the same row again
    NotReached           no                 nothing was sent: submit the same row again, for a while
    OutcomeUnknown       perhaps            never submit again: found by reconciliation, else released at the deadline

Messages of these errors hold an operation and a code: no address, no key, no prompt. What the provider said is in
`detail`, for the row, never for the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from bot.catalogue import Value

Operation = Literal["create", "poll", "balance"]
Failure = Literal["user", "moderation", "ours", "transient", "timeout", "unknown", "undeliverable"]
"""Why a generation failed: as its row keeps it, and as the user is told."""

DETAIL_LENGTH = 200


class ProviderError(Exception):
    """A call to the provider that brought no result."""

    failure: Failure = "transient"

    def __init__(self, operation: Operation, code: str, detail: str = "", failure: Failure | None = None) -> None:
        super().__init__(f"{operation} at the provider: {code}")
        self.operation = operation
        self.code = code
        self.detail = detail[:DETAIL_LENGTH]
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
    """What is to be made; the provider may tell its progress to `callback_url`."""

    model_id: str
    inputs: Mapping[str, Value]
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The task is waiting or under way; states nobody has heard of count as this too."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The task has results; `credits` is what the provider took, where it says so."""

    urls: tuple[str, ...]
    credits: Decimal | None


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

    async def balance(self) -> Decimal:
        """Return the operator's credits with the provider."""
        ...
