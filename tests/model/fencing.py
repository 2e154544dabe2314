"""The fence as a graph: tokens, writers and claims in every order, with no clock and no lease at all.

    writer   idle ──fence──▶ holds the lock shared ──reads the token──▶ writing ──commit──▶ idle
    claim    begins ──▶ has the lock exclusively, no writer holds it ──commit──▶ the next token

Anybody may claim at any time here: S1 and S2 owe nothing to leases, deadlines or clocks, so they hold through an
operator's break, a wrong clock, a session cut unheard. Tokens are (timeline, epoch). A server may crash; a standby that
lags may be promoted in its place, and has then lost the last epochs.

S1: what commits bears the token that is the current one of that database at that moment.
S2: every token that is given out is greater than all before it, whatever the databases have lost.

Bounds: three processes with one transaction each, EPOCHS epochs, PROMOTIONS promotions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

EPOCHS = 3
PROMOTIONS = 1
PROCESSES = 3

STALE_WRITE = "S1: a write of an older token was committed"
TOKEN_TWICE = "S2: a token is not greater than all before it"

Token = tuple[int, int]
NOBODY: Token = (0, 0)
IDLE, LOCKED, WRITING, QUEUED = range(4)


@dataclass(frozen=True, slots=True)
class FenceRules:
    """What makes the fence one; a mutant changes one of them."""

    lock: bool = True
    """A writer holds the fence's lock until it ends."""
    two_statements: bool = True
    """The token is read after the lock was granted, not in the statement that waits for it."""
    claim_excludes: bool = True
    """A claim waits for the writers."""
    claim_synchronous: bool = True
    """A claim is on disk before it is answered."""
    epoch_kept: bool = True
    """A release leaves the epoch."""
    timeline: bool = True
    """The token bears the timeline."""


class Writer(NamedTuple):
    """A process: the token it was given, and its transaction; `read`: the token as its snapshot shows it."""

    token: Token = NOBODY
    stage: int = IDLE
    read: Token = NOBODY


class Database(NamedTuple):
    """The one that answers: its token, what of it the disk and the standby have, and the claim that is under way."""

    token: Token = NOBODY
    on_disk: Token = NOBODY
    standby: Token = NOBODY
    timeline: int = 1
    claimant: int = -1
    excluded: bool = False
    greatest: Token = NOBODY
    """Of all tokens ever given out, by this or a lost database."""
    writers: tuple[Writer, ...] = (Writer(),) * PROCESSES

    def having(self, i: int, writer: Writer) -> Database:
        """Return this state with another writer `i`."""
        return self._replace(writers=(*self.writers[:i], writer, *self.writers[i + 1 :]))


Step = tuple[str, Database, str | None]


class Fence:
    """The graph under some rules."""

    def __init__(self, rules: FenceRules) -> None:
        self._rules = rules

    def first(self) -> Database:
        """No token was ever given out."""
        return Database()

    def is_fault(self, action: str) -> bool:
        """Crashes and promotions."""
        return action in {"crash", "promote"}

    def is_goal(self, state: Database) -> bool:
        """Somebody writes."""
        return any(writer.stage == WRITING for writer in state.writers)

    def steps(self, state: Database) -> Iterator[Step]:
        """Everything that may happen next, and what is wrong with it."""
        yield from self._server(state)
        for i, writer in enumerate(state.writers):
            if writer.stage == IDLE:
                yield from self._fence(state, i, writer)
            elif writer.stage == WRITING:
                broken = STALE_WRITE if writer.token != state.token else None
                yield f"commit {i}", state.having(i, _idle(writer)), broken
            else:
                yield from self._read(state, i, writer)
            if writer.stage != IDLE:
                yield f"roll back {i}", state.having(i, _idle(writer)), None
        if state.claimant < 0:
            if state.token[1] < EPOCHS:
                yield from ((f"claim {i} begins", state._replace(claimant=i), None) for i in range(PROCESSES))
        else:
            yield from self._claim(state)

    def _fence(self, state: Database, i: int, writer: Writer) -> Iterator[Step]:
        if writer.token == NOBODY:
            return
        if not self._rules.lock or not self._rules.two_statements:
            # Its snapshot is taken before it waits, or it never waits.
            yield f"fence {i}", state.having(i, writer._replace(stage=QUEUED, read=state.token)), None
        elif not state.excluded:
            yield f"fence {i}", state.having(i, writer._replace(stage=LOCKED)), None

    def _read(self, state: Database, i: int, writer: Writer) -> Iterator[Step]:
        if writer.stage == QUEUED and self._rules.lock and state.excluded:
            return
        read = writer.read if writer.stage == QUEUED else state.token
        passed = writer._replace(stage=WRITING, read=NOBODY) if read == writer.token else _idle(writer)
        yield f"read {i}", state.having(i, passed), None

    def _claim(self, state: Database) -> Iterator[Step]:
        yield "claim gives up", _unclaimed(state), None
        if not state.excluded:
            holding = {LOCKED, WRITING} if self._rules.lock else set()
            if not (self._rules.claim_excludes and any(writer.stage in holding for writer in state.writers)):
                yield "claim excludes", state._replace(excluded=True), None
            ended = tuple(_idle(writer) if writer.stage in holding else writer for writer in state.writers)
            yield "end writers", state._replace(writers=ended), None
            return
        token = (state.timeline if self._rules.timeline else 1, state.token[1] + 1)
        on_disk = token if self._rules.claim_synchronous else state.on_disk
        begun = _unclaimed(state)._replace(token=token, on_disk=on_disk, greatest=max(token, state.greatest))
        won = begun.having(state.claimant, state.writers[state.claimant]._replace(token=token))
        yield f"claim {state.claimant} commits", won, TOKEN_TWICE if token <= state.greatest else None

    def _server(self, state: Database) -> Iterator[Step]:
        if state.on_disk != state.token:
            yield "disk", state._replace(on_disk=state.token), None
        if state.standby != state.on_disk:
            yield "standby follows", state._replace(standby=state.on_disk), None
        if state.claimant < 0 and state.token != NOBODY and not self._rules.epoch_kept:
            yield "release", state._replace(token=NOBODY, on_disk=NOBODY), None
        stopped = _unclaimed(state)._replace(writers=tuple(_idle(writer) for writer in state.writers))
        yield "crash", stopped._replace(token=state.on_disk), None
        if state.timeline <= PROMOTIONS:
            promoted = stopped._replace(timeline=state.timeline + 1)
            yield "promote", promoted._replace(token=state.standby, on_disk=state.standby), None


def _idle(writer: Writer) -> Writer:
    return writer._replace(stage=IDLE, read=NOBODY)


def _unclaimed(state: Database) -> Database:
    return state._replace(claimant=-1, excluded=False)
