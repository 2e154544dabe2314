"""The shutdown: numbered phases inside one `SHUTDOWN_GRACE`.

    1 drain       take nothing new, finish what is claimed           gets what the others leave
    2 cancel      end the workload, hand rows back                   4 s
    3 release     only if the workload has provably ended            3 s
    4 ingress     close the public port; until here updates are      2 s
                  accepted and stored
    5 pools       close the inbox writer and the connections         1.5 s
    6 flush       traces and logs                                    3 s
    7 postgresql  stop the embedded server                           2.5 s
    margin        the interpreter's exit                             2 s

The lease is renewed through 1 and 2. The release comes before the ingress ends, so that the successor works while we
still say goodbye to open connections. Who overruns the grace is ended by a thread, which needs no loop to run.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import NoReturn

from supervisor import stacks
from supervisor.errors import ExitCode

CANCEL, RELEASE, INGRESS, POOLS, FLUSH, POSTGRESQL, MARGIN = 4.0, 3.0, 2.0, 1.5, 3.0, 2.5, 2.0
FIXED = CANCEL + RELEASE + INGRESS + POOLS + FLUSH + POSTGRESQL + MARGIN
MINIMUM_DRAIN = 3.0
MINIMUM_GRACE = FIXED + MINIMUM_DRAIN
HURRIED_CANCEL = 1.0
"""Seconds the whole workload has to end after a second signal."""


@dataclass(frozen=True, slots=True)
class ShutdownPlan:
    """How `grace` seconds are divided; settings refuse a grace under `MINIMUM_GRACE`."""

    grace: float

    @property
    def drain(self) -> float:
        """Seconds for phase 1: all that the fixed phases leave."""
        return self.grace - FIXED


def exit_at_the_deadline(seconds: float) -> threading.Timer:
    """End the process in `seconds`, whatever its loop does, with the stacks of every thread on stderr.

    A task that shields itself or blocks cannot be cancelled from the loop; only a thread can keep the promise.
    """

    def end() -> None:
        try:
            stacks.last_words(_unstopped(f"The shutdown did not end within {seconds:g} s."))
        finally:
            os._exit(ExitCode.UNSTOPPED)

    timer = threading.Timer(seconds, end)
    timer.name, timer.daemon = "shutdown-deadline", True
    timer.start()
    return timer


def give_up(found: str) -> NoReturn:
    """End the process at once with 71: only that keeps the next ACTIVE alone. A lease that is held runs out by itself."""
    stacks.write(_unstopped(found))
    os._exit(ExitCode.UNSTOPPED)


def _unstopped(found: str) -> str:
    return f"vigil: {found}\nTry: look for children.unstopped in the log; it names who did not stop.\n"
