"""Random faults: what may go wrong, how it is undone, and the order that a seed gives them.

Each fault hits whoever is there, and may hit while another one lasts: a frozen process behind a dead link, a kill
during a restart. One thing is left out: ending the session of an instance that cannot hear of it, because it is frozen
or its link is dead. Then only the server knows, and two may act for a moment, which S3 excludes by its premise;
test_network.py shows that the fence holds even then.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.chaos.fleet import Fleet
from tests.chaos.member import Member

WEIGHTS = {
    "kill": 4, "freeze": 4, "cut": 4, "blackhole": 3, "lose_replies": 2, "lose_requests": 2, "reset": 2,
    "slow": 1, "restart": 1, "crash": 1, "drain": 4, "handover": 3, "block": 1,
}  # fmt: skip
"""How often each happens, compared with the others."""
TOLD = {"cut", "reset"}
"""What only happens to those who hear of it."""
SETTLE_SECONDS = (0.05, 1.5)
EXPECTED = {0, -signal.SIGKILL, -signal.SIGTERM}
"""Drained, killed by us or by its own timer, or told to end before it could hear of it."""
HEARD_SECONDS = 0.3
"""After which everybody who can hear has heard."""
CUT = "SELECT pg_terminate_backend(backend_pid) FROM lock_heartbeat WHERE state = 'held' AND instance_id LIKE $1::text"
CALM_SECONDS = 30.0
"""However much went wrong at once, one acts so long after everything is whole."""


@dataclass
class Faults:
    """One run of them on three instances."""

    fleet: Fleet
    rng: random.Random
    longest: float
    """How long a freeze or a dead link may last."""
    done: dict[str, int] = field(default_factory=dict)
    _undo: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _deaf_until: dict[str, float] = field(default_factory=dict)

    def run(self, number: int) -> None:
        """Let so many faults happen, then make everything whole and wait for an ACTIVE."""
        while sum(self.done.values()) < number:
            (name,), victim = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values())), self._victim()
            if name in TOLD and not self._hears(victim):
                continue
            getattr(self, f"_{name}")(victim)
            self.done[name] = self.done.get(name, 0) + 1
            self._pass(self.rng.uniform(*SETTLE_SECONDS))
        while self._undo:
            self._pass(0.1)
        self._revive()
        self.fleet.wait_active(CALM_SECONDS)

    def _victim(self) -> Member:
        """Return the ACTIVE most of the time: faults of standbys teach less."""
        active = self.fleet.active()
        return active if active is not None and self.rng.random() < 0.7 else self.rng.choice(self._members)

    @property
    def _members(self) -> list[Member]:
        return list(self.fleet.instances.values())

    def _pass(self, seconds: float) -> None:
        """Let time pass; undo what is due, and start again whoever has ended."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            due = [undo for at, undo in self._undo if at <= now]
            self._undo = [(at, undo) for at, undo in self._undo if at > now]
            for undo in due:
                undo()
            self._revive()
            time.sleep(0.02)

    def _revive(self) -> None:
        for member in self._members:
            if not member.alive:
                code = member.wait()
                assert code in EXPECTED, f"{member.name} ended with {code}:\n{member.log()[-3000:]}"
                member.link.heal()
                self.fleet.start(member.name, settle=False)

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        self._undo.append((time.monotonic() + seconds, undo))

    def _deaf(self, member: Member) -> float:
        """Draw for how long it hears nothing; what it missed arrives a little after that."""
        seconds = self.rng.uniform(0.05, self.longest)
        until = time.monotonic() + seconds + 2 * HEARD_SECONDS
        self._deaf_until[member.name] = max(until, self._deaf_until.get(member.name, 0.0))
        return seconds

    def _kill(self, member: Member) -> None:
        member.kill()

    def _freeze(self, member: Member) -> None:
        member.pause()
        self._later(self._deaf(member), member.resume)

    def _cut(self, member: Member) -> None:
        self.fleet.ask(CUT, f"{member.name}-%")
        self._pass(HEARD_SECONDS)

    def _reset(self, member: Member) -> None:
        member.link.reset()
        self._pass(HEARD_SECONDS)

    def _hears(self, member: Member) -> bool:
        """Tell whether it would learn at once that its session has ended."""
        return time.monotonic() > self._deaf_until.get(member.name, 0.0)

    def _dead_link(self, member: Member, fault: Callable[[], None]) -> None:
        fault()
        self._later(self._deaf(member), member.link.heal)

    def _blackhole(self, member: Member) -> None:
        self._dead_link(member, member.link.blackhole)

    def _lose_replies(self, member: Member) -> None:
        self._dead_link(member, member.link.lose_replies)

    def _lose_requests(self, member: Member) -> None:
        self._dead_link(member, member.link.lose_requests)

    def _slow(self, member: Member) -> None:
        member.link.delay(self.rng.uniform(0.05, 0.6), jitter=0.2)
        self._later(self.rng.uniform(0.5, self.longest), lambda: member.link.delay(0.0))

    def _restart(self, _: Member) -> None:
        self.fleet.arena.restart("fast")

    def _crash(self, _: Member) -> None:
        self.fleet.arena.restart("immediate")

    def _drain(self, member: Member) -> None:
        member.terminate()

    def _handover(self, member: Member) -> None:
        with suppress(BrokenPipeError):
            member.say("handover")

    def _block(self, member: Member) -> None:
        with suppress(BrokenPipeError):
            member.say("block", round(self.rng.uniform(0.1, self.longest), 2))
