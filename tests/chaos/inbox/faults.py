"""Random faults under a fed inbox: those of the lock, and kills at the moments that only an inbox has."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos import faults
from tests.chaos.faults import Victim

KILLS = {"kill": 13, "kill_all": 1, "kill_in_batch": 6}
"""Each ends at least one process with kill -9: the ACTIVE, a standby, all of them, one in the middle of a batch."""
OTHERS = {"freeze": 3, "cut": 3, "reset": 2, "restart": 2, "crash": 2, "drain": 3, "handover": 3, "blackhole": 2,
          "lose_replies": 3, "slow": 1}  # fmt: skip
BATCH_WAITS = "SELECT FROM pg_stat_activity WHERE application_name = 'vigil inbox' AND wait_event_type = 'Lock'"
BATCH_SECONDS = 1.5
"""Shorter than the writer waits for its batch."""


LED, LED_SECONDS = 0.85, 2.5
"""How often a fault waits until somebody leads, so that it does not only hit what lies on the ground already."""


@dataclass
class Faults(faults.Faults):
    """One run of them; `progress` counts what the leader does, and that it has done something is waited for, too."""

    progress: Callable[[], float] = time.monotonic

    def _victim(self) -> Victim:
        if self.rng.random() < LED:
            end, before = time.monotonic() + LED_SECONDS, self.progress()
            while time.monotonic() < end and (self.fleet.active() is None or self.progress() <= before):
                self._pass(0.05)
        return super()._victim()

    def _kill(self, member: Victim) -> None:
        """Kill it once it lives: what has ended already would count as killed."""
        while not member.alive:
            self._pass(0.02)
        member.kill()

    def _kill_all(self, _: Victim) -> None:
        for member in self._members:
            self._kill(member)

    def _kill_in_batch(self, victim: Victim) -> None:
        """Kill it while the database holds up the INSERT of the writers; whether that commits is then in doubt."""
        with self.fleet.arena.locking(self.fleet.url, "LOCK TABLE inbox IN SHARE MODE"):
            end = time.monotonic() + BATCH_SECONDS
            while time.monotonic() < end and not self.fleet.ask(BATCH_WAITS):
                time.sleep(0.01)
            self._kill(victim)
