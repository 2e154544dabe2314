"""The main loop's pulse, and what happens when it stops: a warning with all stacks, then the end of the process.

    ticking ──2 s without a tick──▶ stalled: stacks dumped, counted, once ──fence limit──▶ gone with 74 (fenced)
       ▲ ▲                            │                                                     ▲
       │ └───────── next tick ────────┘                                                     │
       └── not at work ◀── paused: the whole process did not run (SIGSTOP, suspend) ── at work, beyond the limit

Invariants
* The keeper renews the lease only while this pulse is fresh: a process whose loop hangs must not stay the leader.
* The watch is a thread: it needs no loop, and no lock of the log, to end the process.
* Both judge: after a pause the loop often wakes before the thread, so the pulse looks at its own gap before it ticks.
* A pause beyond the limit ends the process only while work of a term is under way. That work was cut in the middle of
  anything and another instance may have taken over; `Term.check` and the fence in the database refuse its effects, and
  starting afresh is simpler to trust than going on. A PASSIVE holds nothing: it goes on, and the row tells it the rest.
  Ending it would cost the standby just when it may be needed.
* A loop that hangs while the thread runs ends the process in every role: it serves nobody.
"""

from __future__ import annotations

import contextlib
import enum
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import anyio
from anyio.abc import TaskStatus

from supervisor import stacks
from supervisor.clock import boottime
from supervisor.errors import ExitCode
from supervisor.timing import Timing
from telemetry import emit, events

INTERVAL = 0.25
"""Seconds between two ticks, and between two looks of the watch."""
REPORT_EVERY = 20
"""Samples between two metrics: the worst of five seconds is what matters, not every quarter second."""
SAMPLES_KEPT = 240
"""A minute of them."""
STALL_WARN = 2.0
"""Seconds without a tick after which the stacks are dumped."""
SHORTEST_FENCE, LONGEST_FENCE = 6.0, 20.0
"""The keeper stops renewing at 5 s: what comes back before costs no term, so no fence may be shorter. A process that
hangs accepts no update either, so none may be as long as a lease of minutes would allow."""


def fence_after(timing: Timing) -> float:
    """Return the seconds without a tick that end the process: the soft deadline, within the limits above.

    Past the soft deadline nothing may be done with the term, so nothing is lost; the hard deadline, which counts from
    a renew up to 5 s into the stall, comes later and would leave no stacks behind.
    """
    return min(max(timing.soft, SHORTEST_FENCE), LONGEST_FENCE)


class Verdict(enum.Enum):
    """What is to be done about the loop."""

    FINE = enum.auto()
    WARN = enum.auto()
    FENCE = enum.auto()


@dataclass(slots=True)
class Judge:
    """Tells a loop that hangs from a process that was paused: time is a parameter, one look follows the other."""

    limit: float
    looked: float
    _tick: float = -1.0
    _paused: float = 0.0
    _warned: bool = False

    def look(self, now: float, tick: float, *, at_work: bool) -> Verdict:
        """Judge the loop's last tick; `WARN` comes once a stall."""
        paused, self.looked = max(0.0, now - self.looked - INTERVAL), now
        if tick != self._tick:
            self._tick, self._paused, self._warned = tick, 0.0, False
        # While the thread that looks did not run either, the loop could not have.
        self._paused += min(paused, now - tick)
        hung = now - tick - self._paused
        if (now - tick if at_work else hung) >= self.limit:
            return Verdict.FENCE
        if hung < STALL_WARN or self._warned:
            return Verdict.FINE
        self._warned = True
        return Verdict.WARN


class Pulse:
    """A child that samples its loop's lag and has it watched.

    `limit` is `fence_after`'s; `at_work` tells, from any thread and without a lock, whether work of a term is under way;
    `on_tick` is called on the loop four times a second.
    """

    def __init__(
        self, limit: float, *, at_work: Callable[[], bool], on_tick: Callable[[float], None] = lambda _now: None
    ) -> None:
        self.limit = limit
        self.at_work = at_work
        self.last_tick = boottime()
        self._on_tick = on_tick
        self._lags: deque[float] = deque([0.0], maxlen=SAMPLES_KEPT)
        self._unreported: list[float] = []

    @property
    def worst_lag(self) -> float:
        """The worst lag of the last minute."""
        return max(self._lags)

    def ticked_at(self) -> float:
        """Return the boottime of the loop's last tick; safe to call from any thread."""
        return self.last_tick

    def note(self, lag: float) -> float | None:
        """Take a sample; return the worst since the last report when it is time for the next one."""
        self._lags.append(lag)
        self._unreported.append(lag)
        if len(self._unreported) < REPORT_EVERY:
            return None
        worst = max(self._unreported)
        self._unreported.clear()
        return worst

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Tick; woken by its own timer every 0.25 s, stopped by cancellation, which ends the watch too."""
        self.last_tick = boottime()
        watch = _Watch(self)
        watch.start()
        try:
            task_status.started()
            while True:
                await anyio.sleep(INTERVAL)
                self._tick(boottime())
        finally:
            watch.stop()

    def _tick(self, now: float) -> None:
        silent = now - self.last_tick
        if silent >= self.limit and self.at_work():
            fence(silent, self.limit)
        # Only now: a tick is what lets the keeper renew.
        self.last_tick = now
        self._on_tick(now)
        if (worst := self.note(max(0.0, silent - INTERVAL))) is not None:
            emit(events.LoopLagSampled(seconds=worst, max_seconds=self.worst_lag))


class _Watch:
    """The thread that looks at the pulse; woken by its own timer, ended by `stop`."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._over = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="stall-watch", daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def _run(self) -> None:
        pulse = self._pulse
        judge = Judge(pulse.limit, looked=boottime())
        while not self._over.wait(INTERVAL):
            tick, at_work, now = pulse.last_tick, pulse.at_work(), boottime()
            verdict = judge.look(now, tick, at_work=at_work)
            if verdict is Verdict.FENCE:
                fence(now - tick, pulse.limit)
            elif verdict is Verdict.WARN:
                # In a thread of its own: the log's lock may be held by the call that hangs, and the watch must go on.
                # Without room for a thread the warning is lost, never the fence.
                with contextlib.suppress(RuntimeError):
                    threading.Thread(target=_warn, args=(now - tick,), name="stall-warning", daemon=True).start()


def _warn(seconds: float) -> None:
    stacks.dump_threads()
    emit(events.LoopStalled(seconds=round(seconds, 3), stacks=stacks.threads()))


def fence(seconds: float, limit: float) -> NoReturn:
    """End the process at once with 74, with all stacks and a reason on standard error if that takes them in a second."""
    try:
        stacks.last_words(
            f"vigil: The main loop has not run for {seconds:.1f} s (limit {limit:g} s): it hung, or the whole process "
            "was stopped. This process ends, so that another can work.\n"
            "Try: the stacks above show what it was doing; a pause of the machine or of the container shows no hang\n"
        )
    finally:
        os._exit(ExitCode.FENCED)
