"""Two contenders of one kind on one database, and what is done to them: handovers, kills, freezes, restarts."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
from anyio.abc import Process, TaskGroup
from anyio.streams.text import TextReceiveStream

KEY = 4_213_370_000_000_000_003
PATIENCE_SECONDS = 30.0
LONGEST_PHASE_SECONDS = 1.0
RNG = random.Random(20261123)  # noqa: S311 - a bench is to be repeatable


class NoTakeover(Exception):
    """Nobody came to lead in time."""


@dataclass
class Contender:
    """A process, and what it has told."""

    process: Process
    heard: dict[str, list[float]] = field(default_factory=dict)
    changed: anyio.Event = field(default_factory=anyio.Event)

    async def listen(self) -> None:
        """Take down every line until the process ends."""
        rest = ""
        assert self.process.stdout is not None
        with suppress(anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            async for text in TextReceiveStream(self.process.stdout):
                *lines, rest = (rest + text).split("\n")
                for line in lines:
                    word, *numbers = line.split()
                    self.heard.setdefault(word, []).append(float(numbers[0]) if numbers else 0.0)
                    if word in {"asked", "in"}:
                        self.heard.setdefault(f"{word} with", []).append(float(numbers[1]))
                self.changed.set()
                self.changed = anyio.Event()

    def latest(self, word: str) -> float | None:
        """Return what it said last of this."""
        return self.heard[word][-1] if word in self.heard else None

    def said(self, word: str) -> int:
        """Return how often it has said this."""
        return len(self.heard.get(word, []))

    async def until(self, word: str, known: int = 0, seconds: float = PATIENCE_SECONDS) -> float:
        """Return what it says next of this word, after so many times."""
        with anyio.move_on_after(seconds):
            while True:
                changed = self.changed
                if self.said(word) > known:
                    return self.heard[word][known]
                await changed.wait()
        raise NoTakeover(f"no {word!r} within {seconds:g} s")

    async def end(self) -> None:
        """Kill it if it still lives, and close what led to it."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.aclose()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)


class Lane:
    """One kind of contender: one of two leads, the other stands by."""

    def __init__(self, kind: str, url: str, group: TaskGroup) -> None:
        self.kind = kind
        self._url = url
        self._group = group
        self.leader: Contender
        self.standby: Contender
        self.found: dict[str, list[float]] = {}
        self.epochs: set[float] = set()

    async def begin(self) -> None:
        """Start both; return once one leads and the other has looked."""
        self.leader = await self._start()
        await self.leader.until("in")
        self.standby = await self._start()
        await self.standby.until("ready")

    async def _start(self) -> Contender:
        process = await anyio.open_process(
            [sys.executable, "-m", "bench.contender", self.kind, self._url, str(KEY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        contender = Contender(process)
        self._group.start_soon(contender.listen)
        return contender

    async def hand_over(self) -> None:
        """SIGTERM: from the last effect of the old one to the first of the new one."""
        await self._phase()
        known = self.leader.said("out")
        self.leader.signal(signal.SIGTERM)
        last = await self.leader.until("out", known)
        first = await self.standby.until("in")
        self._note("graceful", first - last)
        await self._replace()

    async def kill(self) -> None:
        """Kill -9: from the kill to the first effect of the new one."""
        began = await self._phase()
        self.leader.signal(signal.SIGKILL)
        self._note("kill", await self.standby.until("in") - began)
        await self._replace()

    async def freeze(self, seconds: float) -> None:
        """SIGSTOP: from the stop to the first effect of the new one, or infinite after `seconds`."""
        began = await self._phase()
        self.leader.signal(signal.SIGSTOP)
        try:
            self._note("freeze", await self.standby.until("in", 0, seconds) - began)
        except NoTakeover:
            self._note("freeze", float("inf"))
            self.leader.signal(signal.SIGKILL)
            await self.standby.until("in")
        await self._replace()

    async def restart(self, down_at: float, back_at: float, term: float) -> None:
        """The server was restarted and is back: from there to the first effect of anyone, and whether the term is new."""
        # Whoever was in office before the restart says "in" again, or the other one does.
        later: list[float] = []
        with anyio.fail_after(PATIENCE_SECONDS):
            while not later:
                changed = [one.changed for one in (self.leader, self.standby)]
                later = [at for one in (self.leader, self.standby) for at in one.heard.get("in", []) if at >= back_at]
                if not later:
                    await _either(*changed)
        winner = 0 if min(later) in self.leader.heard["in"] else 1
        at = min(later)
        one = (self.leader, self.standby)[winner]
        self._note("restart", at - back_at)
        self._note("outage", back_at - down_at)
        self._note("new terms", float(one.heard["in with"][-1] != term or winner == 1))
        if winner == 1:
            self.leader, self.standby = self.standby, self.leader

    @property
    def term(self) -> float:
        """The epoch of the present leader."""
        return self.leader.heard["in with"][-1]

    async def count_queries(self, settle: float, seconds: float) -> None:
        """Queries a second of either role, in a quiet time."""
        # What a start asks is not what a quiet time does.
        await anyio.sleep(settle)
        before = [self._asked(one) for one in (self.leader, self.standby)]
        await anyio.sleep(seconds)
        after = [self._asked(one) for one in (self.leader, self.standby)]
        for name, (count, at), (later, until) in zip(("ACTIVE q/s", "PASSIVE q/s"), before, after, strict=True):
            self._note(name, (later - count) / (until - at))

    async def stop(self) -> None:
        """End both."""
        for one in (self.leader, self.standby):
            await one.end()

    def _asked(self, one: Contender) -> tuple[float, float]:
        return one.latest("asked") or 0.0, one.latest("asked with") or 0.0

    async def _phase(self) -> float:
        """Wait for a random part of everybody's cycles; return the time."""
        cycle = 5.0 if self.kind == "asyncpg-lock" else LONGEST_PHASE_SECONDS
        await anyio.sleep(RNG.uniform(0, cycle))
        return anyio.current_time()

    async def _replace(self) -> None:
        """Make the new one the leader, and start another standby."""
        with anyio.fail_after(PATIENCE_SECONDS):
            await self.leader.process.wait()
        await self.leader.end()
        self.leader = self.standby
        self.standby = await self._start()
        await self.standby.until("ready")

    def _note(self, what: str, figure: float) -> None:
        self.found.setdefault(what, []).append(figure)


def is_ours(kind: str) -> bool:
    """Whether this kind is a profile of ours."""
    return re.fullmatch(r"[a-z]+", kind) is not None


async def _either(*events: anyio.Event) -> None:
    """Return when one of them is set."""
    async with anyio.create_task_group() as group:

        async def first(event: anyio.Event) -> None:
            await event.wait()
            group.cancel_scope.cancel()

        for event in events:
            group.start_soon(first, event)
