"""One instance in a contest for the lock on a real database, on a clock that only the test moves."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import asyncpg

from supervisor.database import LOST
from supervisor.election import Claim, Observation, Patience, decide, observe
from supervisor.lease import Lease, Misconfigured, SessionLost, WriterInFlight
from supervisor.sql import sql
from supervisor.term import Term
from supervisor.timing import Timing

KEY = 4_213_370_000_000_000_002
TIMING = Timing("slow", renew=200, timeout=5, soft=700, hard=850, lease=1000, watch=50, grace=75, dead_link=6)
"""Real seconds are nothing to these: what a call takes does not count."""
PATIENCE = Patience(TIMING.lease, TIMING.grace, TIMING.watch, damped=False)
STALE_WRITE = "VG001"


class Player:
    """A control session, what it has seen, at most one term, and at most one transaction that is left open."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        self._number = number
        self._lives = 0
        self.now = 0.0
        self.instance_id = f"{number}-0"
        self.session: Lease | None = None
        self.term: Term | None = None
        self.working = False
        self.was_broken = False
        """An operator broke its term: until it asks the database, it cannot know."""
        self.renewed_at: float | None = None
        """When the beat was sent whose answer is still to be heard."""
        self._seen: Observation | None = None
        self.decided: tuple[Claim, float] | None = None
        self._former: list[int] = []
        self._writer: Any = None
        self._written_as: tuple[int, int] = (0, 0)

    def clock(self) -> float:
        """What this instance takes for the time."""
        return self.now

    @property
    def believes(self) -> bool:
        """Whether it would start an effect now."""
        return self.term is not None and self.term.trustworthy

    async def look(self) -> None:
        """Look at the lease as a standby does, and remember what that calls for."""
        if self.term is not None:
            return
        with suppress(SessionLost):
            sighting = await (await self._connected()).watch()
            self._seen = observe(self._seen, sighting, self.now)
            decision = decide(
                self._seen,
                now=self.now,
                instance_id=self.instance_id,
                work_ended=not self.working,
                patience=PATIENCE,
            )
            self.decided = (decision, self.now) if isinstance(decision, Claim) else None

    async def claim(self) -> Claim | None:
        """Send the claim decided on, however long ago; return it if it began a term."""
        decided, self.decided = self.decided, None
        if decided is None or self.session is None or self.working:
            return None
        claim, at = decided
        return claim if await self._claim(self.session, claim, at) else None

    async def claim_wrongly(self, reason: Any, epochs: int, beats: int) -> bool:
        """Claim with what was not seen; True if that began a term."""
        if self.term is not None or self.working:
            return False
        try:
            session = await self._connected()
            found = await session.watch()
            return await self._claim(session, Claim(reason, found.epoch + epochs, found.beat + beats), self.now)
        except SessionLost:
            return False

    async def _claim(self, session: Lease, claim: Claim, sent_at: float) -> bool:
        try:
            won = await session.claim(claim)
        except (WriterInFlight, SessionLost, Misconfigured):
            self._drop()
            return False
        if won is None:
            return False
        self.term = Term(
            won.epoch,
            self.instance_id,
            window=TIMING.soft,
            sent_at=sent_at,
            timeline=won.timeline,
            clock=self.clock,
        )
        self._seen = None
        self.working, self.was_broken = True, False
        return True

    async def beat(self) -> bool:
        """Renew, on a new session with the beacon if the old one is gone; whether it succeeded, which `hear` tells us."""
        self.renewed_at = None
        if self.term is None or self.term.ended is not None:
            return False
        try:
            session = await self._connected()
            sent_at = self.now
            if not await session.renew(self.term.epoch, within=TIMING.timeout):
                self.term.end("fenced")
            elif not self.term.suspended or await session.show(self.term.epoch, self._former, within=TIMING.timeout):
                self.renewed_at = sent_at
        except Misconfigured:
            return False
        except SessionLost:
            self.term.suspend()
            self._drop()
        return self.renewed_at is not None

    def hear(self) -> None:
        """Hear the answer to the beat that succeeded, however long ago."""
        sent_at, self.renewed_at = self.renewed_at, None
        if self.term is not None and sent_at is not None and self.term.extend(sent_at):
            self.term.resume()

    async def finish(self) -> None:
        """Let the work of an ended term end."""
        if self.term is not None and self.term.ended is not None:
            self.term, self.working = None, False
            self._drop()

    async def give_back(self) -> bool:
        """End the term and its work, then release; True if it was still ours."""
        if self.term is None or self.term.ended is not None or self.session is None:
            return False
        epoch = self.term.epoch
        self.term.end("released")
        try:
            released = await self.session.release(epoch)
        except SessionLost:
            released = False
        await self.finish()
        return released

    async def write(self) -> bool | None:
        """Open a fenced transaction and leave it open; whether the fence let it pass, None if it was not asked."""
        if self.term is None or self._writer is not None:
            return None
        token = (self.term.epoch, self.term.timeline)
        writer = await asyncpg.connect(self._url, timeout=5, command_timeout=5)
        await writer.execute("BEGIN")
        try:
            await writer.execute(sql("lock_fence"), KEY, *token)
            await writer.execute("INSERT INTO written VALUES ($1, $2)", *token)
        except asyncpg.PostgresError as error:
            writer.terminate()
            if error.sqlstate != STALE_WRITE:
                raise
            return False
        self._writer, self._written_as = writer, token
        return True

    @property
    def is_writing(self) -> bool:
        """Whether it has left a transaction open."""
        return self._writer is not None

    async def commit(self) -> tuple[int, int] | None:
        """Commit what was left open; return its token unless the database had ended it."""
        writer, self._writer = self._writer, None
        if writer is None:
            return None
        try:
            await writer.execute("COMMIT")
        except LOST:
            return None
        finally:
            _end(writer)
        return self._written_as

    async def lose(self) -> None:
        """Hear that the session is gone."""
        if self.term is not None and self.term.ended is None:
            self.term.suspend()
        self._drop()

    async def die(self) -> None:
        """Be killed, and start again as somebody else."""
        self._drop()
        if self._writer is not None:
            _end(self._writer)
            self._writer = None
        self._lives += 1
        self.instance_id = f"{self._number}-{self._lives}"
        self.term, self.working, self._former = None, False, []

    def _drop(self) -> None:
        """Drop the session, and with it what was seen."""
        if self.session is not None:
            self._former.append(self.session.server_pid)
            self.session.drop()
        self.session = self._seen = self.decided = self.renewed_at = None

    async def _connected(self) -> Lease:
        if self.session is None:
            self.session = await Lease.open(
                self._url, KEY, self.instance_id, TIMING, within=TIMING.timeout, hear=lambda _: None
            )
        return self.session


def _end(connection: Any) -> None:
    # One that the server has ended already cannot be ended again.
    if not connection.is_closed():
        connection.terminate()
