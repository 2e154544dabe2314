"""What the keeper's thread and the main loop tell each other.

The thread publishes views; the main loop takes a term into its hands and puts it back when the work of it has ended;
it asks for a drain. Everything here may be called from either side; nothing blocks longer than a few instructions.
What the database notifies is heard here too: `handover <epoch>` asks the holder of that epoch to give it away,
`broken <epoch>` says that an operator has ended it, `released <epoch>` that nobody holds the lease; anything else is a
reason to look.

Invariant: taking a term and withdrawing it exclude each other: once a view without it is published and nothing is in
hands, no work of it will ever start.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Literal

import anyio

from supervisor.term import Term
from supervisor.view import LockState, LockView
from telemetry import emit, events


class Bell:
    """Wakes whoever waits on one loop; may be rung from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: anyio.Event | None = None

    def next(self) -> anyio.Event:
        """Return an event that the next ring sets: take it, look at the conditions, then wait, and none is missed."""
        self._loop = asyncio.get_running_loop()
        if self._event is None:
            self._event = anyio.Event()
        return self._event

    def ring(self) -> None:
        """Wake everyone who took an event before."""
        if self._loop is not None:
            # A closed loop has nobody left to wake.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._swing)

    def _swing(self) -> None:
        event, self._event = self._event, None
        if event is not None:
            event.set()


class Desk:
    """The state both sides share: the published view, the term in hands, whether to drain."""

    def __init__(self) -> None:
        self.main = Bell()
        self.keeper = Bell()
        self._lock = threading.Lock()
        self._view = LockView()
        self._told = self._view.state
        self._in_hands: Term | None = None
        self._handing_over: Term | None = None
        self._broken: int | None = None
        self._released: int | None = None
        self._draining = False

    @property
    def view(self) -> LockView:
        """The latest view, whole."""
        return self._view

    @property
    def idle(self) -> bool:
        """Whether no work of any term is under way."""
        with self._lock:
            return self._in_hands is None

    @property
    def draining(self) -> bool:
        """Whether this instance is to lead no more."""
        return self._draining

    def publish(self, view: LockView) -> None:
        """Make this the view; wake the main loop when state or term have changed."""
        with self._lock:
            before, self._view = self._view, view
        # A claim lasts milliseconds and may fail once a second for days: only what comes of it is told.
        if view.state not in {self._told, LockState.CLAIMING}:
            emit(events.RoleChanged(role=view.role, state=view.state, previous=self._told))
            self._told = view.state
        if (before.state, before.term) != (view.state, view.term):
            self.main.ring()

    def take(self) -> Term | None:
        """Take the current term into hands, for work that is about to start; None without a trusted one."""
        with self._lock:
            term = self._view.term
            if term is None or self._in_hands is not None or self._view.state is not LockState.ACTIVE:
                return None
            if term.ended is not None or self.leaving(term) is not None:
                return None
            self._in_hands = term
            return term

    def put_back(self, term: Term) -> None:
        """Note that all work of this term has ended."""
        with self._lock:
            if self._in_hands is term:
                self._in_hands = None
        self.ring()

    def drain(self) -> None:
        """Lead no more: nothing new is claimed, and what is held is released once the work has ended."""
        self._draining = True
        self.ring()

    def hand_over(self) -> bool:
        """End the work of the present term, then release it, without leading no more; False without a term."""
        with self._lock:
            self._handing_over = self._view.term
        self.ring()
        return self._handing_over is not None

    def leaving(self, term: Term) -> Literal["draining", "handover"] | None:
        """Return why this term is to be given back once its work has ended, if it is."""
        if self._draining:
            return "draining"
        return "handover" if self._handing_over is term else None

    def broken(self, term: Term) -> bool:
        """Return, once, whether an operator was heard to have ended this term."""
        heard, self._broken = self._broken, None
        return heard == term.epoch

    def released(self, epoch: int) -> bool:
        """Return, once, whether this epoch was heard to have been given back."""
        heard, self._released = self._released, None
        return heard == epoch

    def hear(self, told: str) -> None:
        """Take a notification of the database, or an empty one when the session is lost; wake the keeper."""
        word, _, epoch = told.partition(" ")
        term = self._view.term
        if word == "broken" and epoch.isdecimal():
            self._broken = int(epoch)
        elif word == "released" and epoch.isdecimal():
            self._released = int(epoch)
        elif word == "handover" and term is not None and epoch == str(term.epoch):
            self.hand_over()
        self.keeper.ring()

    def ring(self) -> None:
        """Wake both sides."""
        self.main.ring()
        self.keeper.ring()
