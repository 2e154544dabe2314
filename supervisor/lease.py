"""The lock's SQL on one dedicated connection: direct, or through a pooler.

    direct       the server process that answers is the one we connected to: beacon and notifications work
    lease only   it is another one, so a pooler is between: no session of ours lasts on the server. The lease and the
                 fence hold all the same; a crash is noticed by the lease, a release at the next look

Every call has a timeout. After a call whose outcome is unknown the session is lost: whoever holds it drops it, and the
next look at the row, through a new one, tells what happened. A pool never sees this connection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import anyio
import asyncpg

from supervisor.database import LOST, Connection, connect
from supervisor.election import Claim, Sighting
from supervisor.errors import SupervisorError
from supervisor.pooler import is_pooled
from supervisor.sql import sql
from supervisor.timing import Timing

CHANNEL = "vigil_lock"
APPLICATION_NAME = "vigil keeper"
CLAIM_LOCK_SECONDS = 2.0
"""How long lock_claim waits for writers of the old term; the function sets it, so it is no parameter."""
KEEPALIVES = 4
NO_EPOCH = -1
LOCK_NOT_AVAILABLE = "55P03"
STATEMENT_MS, IDLE_MS = 10_000, 5_000
"""No call of ours takes so long; through a pooler nobody else ends a transaction whose client is gone."""
NOBODY = Sighting(epoch=0, beat=0, holder=None, expires_in=0.0, renewed_ago=math.inf)
"""A lease that was never held."""

Misconfiguration = Literal["schema", "permission", "read_only", "heartbeat", "foreign"]


@dataclass(frozen=True, slots=True)
class Won:
    """A term just begun: its token, and whether what the holder before had begun outside is to be left alone."""

    epoch: int
    timeline: int
    quarantined: bool


class SessionLost(SupervisorError):
    """The control session is gone, or nobody knows what became of its last call."""


class WriterInFlight(SupervisorError):
    """A transaction of the old term is still open, so a new one cannot begin yet."""


class Misconfigured(SupervisorError):
    """The database or this build is not made for leading: contending would only disturb who can. `kind` says how."""

    def __init__(self, message: str, kind: Misconfiguration) -> None:
        super().__init__(message)
        self.kind = kind


class Lease:
    """One control session: watch, claim, renew, release."""

    def __init__(
        self, connection: Connection, lock_key: int, instance_id: str, timing: Timing, *, direct: bool
    ) -> None:
        self._connection = connection
        self._lock_key = lock_key
        self._instance_id = instance_id
        self._timing = timing
        self.direct = direct
        self.may_show = False
        """Whether this connection may hold the beacon of our term; not even a lost answer can tell that it does not."""

    @classmethod
    async def open(
        cls, url: str, lock_key: int, instance_id: str, timing: Timing, *, within: float, hear: Callable[[str], None]
    ) -> Self:
        """Connect and listen, `within` seconds in all; `hear` is told every notification, and "" when it is lost."""
        connection = None
        try:
            with anyio.fail_after(within):
                connection = await connect(
                    url,
                    application_name=APPLICATION_NAME,
                    connect_seconds=within,
                    settings=_link_settings(timing),
                )
                direct = not is_pooled(connection)
                connection.add_termination_listener(lambda *_: hear(""))
                if direct:
                    await connection.add_listener(CHANNEL, lambda *told: hear(told[-1]))
        except BaseException as error:
            if connection is not None:
                connection.terminate()
            if isinstance(error, (asyncpg.PostgresError, *LOST)):
                raise _failure("Opening the control session", error) from error
            raise
        return cls(connection, lock_key, instance_id, timing, direct=direct)

    @property
    def is_lost(self) -> bool:
        """Whether the server has closed this connection; a silent link shows only by a timeout."""
        return bool(self._connection.is_closed())

    @property
    def server_pid(self) -> int:
        """The server process of this connection; 0 through a pooler, where it is nobody's."""
        return int(self._connection.get_server_pid()) if self.direct else 0

    async def probe(self) -> None:
        """Return if this build could renew and release; raise `Misconfigured` if it could not. Changes nothing.

        A session's first call of a statement takes another round trip and the function's compilation: let it be this
        one, for a term that cannot exist, and not one that a term or a successor waits for.
        """
        await self.renew(NO_EPOCH, within=self._timing.timeout)
        await self.release(NO_EPOCH)

    async def watch(self) -> Sighting:
        """Look at the lease."""
        row = await self._ask("lock_watch", self._timing.timeout, self._lock_key, self.direct)
        return NOBODY if row is None else Sighting(**row)

    async def claim(self, claim: Claim) -> Won | None:
        """Begin a term, with its beacon; None when the lease is not as seen any more."""
        seen = (self._instance_id, self._timing.lease_ms, claim.epoch, claim.beat, claim.reason, self.direct)
        self.may_show = self.direct
        row = await self._ask("lock_claim", self._claim_seconds, self._lock_key, *seen)
        return None if row["epoch"] is None else Won(**row)

    async def end_writers(self, claim: Claim) -> int:
        """End the sessions that still write under the old term, if the lease is still as seen; how many."""
        seen = (self._lock_key, claim.epoch, claim.beat)
        return int(await self._value("lock_end_writers", self._timing.timeout, *seen))

    async def renew(self, epoch: int, *, within: float) -> bool:
        """Renew the lease; False when the term is over."""
        held = (self._instance_id, epoch, self._timing.lease_ms)
        return bool(await self._value("lock_renew", within, self._lock_key, *held))

    async def show(self, epoch: int, former: Sequence[int], *, within: float) -> bool:
        """Take the beacon of our term on this connection; False while a `former` one has it. Through a pooler: nothing."""
        if not self.direct:
            return True
        self.may_show = True
        return bool(await self._value("lock_beacon", within, self._lock_key, self._instance_id, epoch, list(former)))

    async def release(self, epoch: int) -> bool:
        """Free the lease and tell who listens, in one transaction; False when it was not ours any more."""
        return bool(await self._value("lock_release", self._timing.timeout, self._lock_key, self._instance_id, epoch))

    async def note(self, epoch: int, kind: Literal["demotion", "fencing"], reason: str) -> None:
        """Write down how a term of ours ended without a release."""
        await self._ask("lock_note", self._timing.timeout, self._lock_key, self._instance_id, epoch, kind, reason)

    def drop(self) -> None:
        """Close the session at once, whatever it is doing."""
        self._connection.terminate()

    @property
    def _claim_seconds(self) -> float:
        """A claim may wait for another claim, and then for the writers."""
        return 2 * CLAIM_LOCK_SECONDS + self._timing.timeout

    async def _value(self, name: str, within: float, *arguments: object) -> Any:
        return (await self._ask(name, within, *arguments))[0]

    async def _ask(self, name: str, within: float, *arguments: object) -> Any:
        """Return the first row of a query."""
        try:
            # Through a pooler there is a BEGIN and a COMMIT around it, and asyncpg's own limit is for the query.
            with anyio.fail_after(within):
                return await self._connection.fetchrow(sql(name), *arguments, timeout=within)
        except (asyncpg.PostgresError, *LOST) as error:
            raise _failure(f"Calling {name}", error) from error


def _failure(attempt: str, error: BaseException) -> SupervisorError:
    """Translate what asyncpg raised into what the keeper has to do about it."""
    text = f"{attempt}: {str(error) or type(error).__name__}"
    state = getattr(error, "sqlstate", None) or ""
    if state == LOCK_NOT_AVAILABLE and attempt.endswith("lock_claim"):
        return WriterInFlight(text, hint="it is tried again; a transaction left open ends by its own timeout.")
    if (kind := _misconfiguration(state)) is not None:
        return Misconfigured(text, kind)
    return SessionLost(text)


def _misconfiguration(state: str) -> Misconfiguration | None:
    exact: dict[str, Misconfiguration] = {
        "42501": "permission",
        "25006": "read_only",
        "VG004": "heartbeat",
        "VG005": "foreign",
    }
    by_class: dict[str, Misconfiguration] = {"42": "schema", "3F": "schema", "28": "permission"}
    return exact.get(state) or by_class.get(state[:2])


def _link_settings(timing: Timing) -> dict[str, str]:
    """Let the server drop a dead link after K, and never this connection for being idle: a healthy one is."""
    step = math.ceil(timing.dead_link / (KEEPALIVES + 2))
    return {
        "tcp_keepalives_idle": str(2 * step),
        "tcp_keepalives_interval": str(step),
        "tcp_keepalives_count": str(KEEPALIVES),
        "tcp_user_timeout": str(round(timing.dead_link * 1000)),
        "idle_session_timeout": "0",
        "idle_in_transaction_session_timeout": str(IDLE_MS),
        "statement_timeout": str(STATEMENT_MS),
        # The claim bounds its own waits; a role's or a database's limit must not end a renew.
        "lock_timeout": "0",
    }
