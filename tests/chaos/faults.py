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
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.chaos.arena import Arena
from tests.chaos.proxy import Link

WEIGHTS = {
    "kill": 4, "freeze": 4, "cut": 4, "blackhole": 3, "lose_replies": 2, "lose_requests": 2, "reset": 2,
    "slow": 1, "restart": 1, "crash": 1, "drain": 4, "handover": 3, "block": 1,
}  # fmt: skip
"""How often each happens, compared with the others."""
TOLD = {"cut", "reset"}
"""What only happens to those who hear of it."""
SETTLE_SECONDS = (0.05, 1.5)
EXPECTED = {0, -signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM}
"""Drained, killed by us or by its own timer, told to end before it could hear of it, or a third time."""
HEARD_SECONDS = 0.3
"""After which everybody who can hear has heard."""
CUT = "SELECT pg_terminate_backend(backend_pid) FROM lock_heartbeat WHERE state = 'held' AND instance_id LIKE $1::text"
CALM_SECONDS = 30.0
"""However much went wrong at once, one acts so long after everything is whole."""


class Victim(Protocol):
    """An instance as a fault sees it."""

    name: str
    link: Link

    @property
    def alive(self) -> bool: ...

    def kill(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def terminate(self) -> None: ...

    def wait(self) -> int: ...

    def say(self, *words: object) -> None: ...

    def output(self) -> str: ...


class Ground(Protocol):
    """The instances and their server; several kinds of fleets are one."""

    arena: Arena
    url: str

    @property
    def instances(self) -> Mapping[str, Victim]: ...

    def active(self) -> Victim | None: ...

    def wait_active(self, seconds: float) -> object: ...

    def start(self, *names: str, settle: bool) -> object: ...

    def ask(self, query: str, *arguments: object) -> list[Any]: ...


@dataclass
class Faults:
    """One run of them on all instances."""

    fleet: Ground
    rng: random.Random
    longest: float
    """How long a freeze or a dead link may last."""
    weights: Mapping[str, int] = field(default_factory=lambda: WEIGHTS)
    settle: tuple[float, float] = SETTLE_SECONDS
    calm_seconds: float = CALM_SECONDS
    after_each: Callable[[str], None] = lambda _: None
    """Is told the name of each fault that has just happened."""
    done: dict[str, int] = field(default_factory=dict)
    _undo: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _deaf_until: dict[str, float] = field(default_factory=dict)

    def run(self, number: int) -> None:
        """Let so many faults happen, then make everything whole and wait for an ACTIVE."""
        while sum(self.done.values()) < number:
            (name,), victim = self.rng.choices(list(self.weights), list(self.weights.values())), self._victim()
            if name in TOLD and not self._hears(victim):
                continue
            getattr(self, f"_{name}")(victim)
            self.done[name] = self.done.get(name, 0) + 1
            self.after_each(name)
            self._pass(self.rng.uniform(*self.settle))
        while self._undo:
            self._pass(0.1)
        revive(self.fleet)
        self.fleet.wait_active(self.calm_seconds)

    def _victim(self) -> Victim:
        """Return the ACTIVE most of the time: faults of standbys teach less."""
        active = self.fleet.active()
        return active if active is not None and self.rng.random() < 0.7 else self.rng.choice(self._members)

    @property
    def _members(self) -> list[Victim]:
        return list(self.fleet.instances.values())

    def _pass(self, seconds: float) -> None:
        """Let time pass; undo what is due, and start again whoever has ended."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            due = [undo for at, undo in self._undo if at <= now]
            self._undo = [(at, undo) for at, undo in self._undo if at > now]
            for undo in due:
                undo()
            revive(self.fleet)
            time.sleep(0.02)

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        self._undo.append((time.monotonic() + seconds, undo))

    def _deaf(self, member: Victim) -> float:
        """Draw for how long it hears nothing; what it missed arrives a little after that."""
        seconds = self.rng.uniform(0.05, self.longest)
        until = time.monotonic() + seconds + 2 * HEARD_SECONDS
        self._deaf_until[member.name] = max(until, self._deaf_until.get(member.name, 0.0))
        return seconds

    def _kill(self, member: Victim) -> None:
        member.kill()

    def _freeze(self, member: Victim) -> None:
        member.pause()
        self._later(self._deaf(member), member.resume)

    def _cut(self, member: Victim) -> None:
        self.fleet.ask(CUT, f"{member.name}-%")
        self._pass(HEARD_SECONDS)

    def _reset(self, member: Victim) -> None:
        member.link.reset()
        self._pass(HEARD_SECONDS)

    def _hears(self, member: Victim) -> bool:
        """Tell whether it would learn at once that its session has ended."""
        return time.monotonic() > self._deaf_until.get(member.name, 0.0)

    def _dead_link(self, member: Victim, fault: Callable[[], None]) -> None:
        fault()
        self._later(self._deaf(member), member.link.heal)

    def _blackhole(self, member: Victim) -> None:
        self._dead_link(member, member.link.blackhole)

    def _lose_replies(self, member: Victim) -> None:
        self._dead_link(member, member.link.lose_replies)

    def _lose_requests(self, member: Victim) -> None:
        self._dead_link(member, member.link.lose_requests)

    def _slow(self, member: Victim) -> None:
        member.link.delay(self.rng.uniform(0.05, 0.6), jitter=0.2)
        self._later(self.rng.uniform(0.5, self.longest), lambda: member.link.delay(0.0))

    def _restart(self, _: Victim) -> None:
        self.fleet.arena.restart("fast")

    def _crash(self, _: Victim) -> None:
        self.fleet.arena.restart("immediate")

    def _drain(self, member: Victim) -> None:
        member.terminate()

    def _handover(self, member: Victim) -> None:
        with suppress(BrokenPipeError):
            member.say("handover")

    def _block(self, member: Victim) -> None:
        with suppress(BrokenPipeError):
            member.say("block", round(self.rng.uniform(0.1, self.longest), 2))


def revive(ground: Ground) -> None:
    """Start again whoever has ended; be sure that it ended as it should."""
    for member in ground.instances.values():
        if not member.alive:
            code = member.wait()
            assert code in EXPECTED, f"{member.name} ended with {code}:\n{member.output()[-3000:]}"
            member.link.heal()
            ground.start(member.name, settle=False)
