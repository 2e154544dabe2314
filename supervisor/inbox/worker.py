"""Handle what the inbox holds: the child of one term, and what it is told. `shift` shows how it goes about it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from anyio.abc import TaskStatus

from supervisor.inbox.attempt import Handle
from supervisor.inbox.claims import Claims
from supervisor.inbox.feed import WINDOW
from supervisor.inbox.shift import Shift
from supervisor.inbox.wake import Wake
from supervisor.inbox.writing import Database


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done at once, and for how long."""

    handlers: int = 64
    """In parallel."""
    ahead: int = 192
    """Rows that are started, that is claimed and counted, before there is a slot: no slot waits for a round."""
    transactions: int = 6
    """Handlers that may write at once; each holds a connection of the pool, and others need some too."""
    buffer: int = 1_024
    """Rows in memory at most; most of them can only be rows that failed and wait for their next start."""
    window: int = WINDOW
    poll_seconds: float = 0.5
    handler_seconds: float = 30.0


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Worker:
    """A child of one term; an epoch has one.

    `handle` raises when it failed; the types in `hopeless` say that trying again cannot help. `wake` is the writer's
    `stored`. `committed` is called after each commit of a handler, `handed_back` with the rows, and their lanes, that
    the worker's end made ready again. `grace` is asked while the worker stops: the seconds that running handlers have.
    """

    database: Database
    claims: Claims
    handle: Handle
    wake: Wake
    hopeless: tuple[type[Exception], ...] = ()
    committed: Callable[[], None] = lambda: None
    handed_back: Callable[[int, int], None] = lambda _rows, _lanes: None
    grace: Callable[[], float] = lambda: 2.0
    pace: Pace = PACE
    rng: random.Random | None = None
    unsure: dict[int, int] = field(default_factory=dict)
    """Rows of claims whose commit is in doubt, with the starts these counted; whoever runs next must know them, too."""

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Handle rows until cancelled, then drain.

        Woken by the writer's event, by a handler that ended, by a retry that is due, and every 0.5 s for rows that
        other instances stored. Raises `TrustLost` or `Fenced` when the term is over.
        """
        shift = Shift(self)
        task_status.started()
        await shift.work()
