"""Delivers updates as Telegram's sender does, and writes down what it was told.

Per chat a queue, of which only the head is in flight; anything but a 200 is tried again, after `Retry-After` if there is
one; some answers are lost on their way, and some updates come again long after they were acknowledged. Every try goes to
any door, as a load balancer would send it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from tests.chaos.inbox import bodies
from tests.chaos.inbox.bodies import Body
from tests.chaos.inbox.referee import Key, Sent
from tests.chaos.inbox.script import Script
from tests.chaos.inbox.wire import GONE, Wire

PATH, TOKEN = "chaos-webhook-path-0001", "chaos-webhook-token-0001"
ROUTE, HEADERS = f"/webhook/{PATH}", {"X-Telegram-Bot-Api-Secret-Token": TOKEN, "Content-Type": "application/json"}
IN_FLIGHT = 40
"""Telegram's default for a webhook's connections."""
AGAIN_SECONDS = 0.1
LOST_ANSWERS, LATE_DUPLICATES = 0.04, 0.04
REMEMBERED = 20
OK, BUSY = 200, 503


class Failure(NamedTuple):
    """A try that came to nothing: when, at which door, with which update, and what there was instead of a 200."""

    at: float
    door: int
    key: Key
    what: str


@dataclass(frozen=True, slots=True)
class Mix:
    """How often each script is asked for; how long a chat waits between two updates, in seconds at most."""

    scripts: dict[str, float]
    pause: float = 0.2
    chatless: float = 0.05
    malformed: float = 0.02

    def draw(self, rng: random.Random) -> Script:
        """Choose one."""
        (text,) = rng.choices(list(self.scripts), list(self.scripts.values()))
        return Script.of(text)


MIXED = Mix({"write": 70, "quiet": 15, "fail:1": 4, "fail:2": 1, "slow:0.2": 6, "kill:1": 0.05, "poison": 0.2})


@dataclass
class Feeder:
    """One sender; `doors` are the ports to deliver to, `mix` may be exchanged while it runs."""

    certain: ClassVar[tuple[str, ...]] = ("200", "EOFError")
    """What every long run must have met."""
    shapes: ClassVar[tuple[bytes, ...]] = (*bodies.ENTRIES, *bodies.TORN)
    malformed_lane: ClassVar[str] = ""
    """Where what is no update has its place; empty: in its chat, whose next update waits for it."""
    doors: Sequence[int]
    rng: random.Random
    mix: Mix
    answers: Counter[str] = field(default_factory=Counter)
    sent: list[Sent] = field(default_factory=list)
    acked: set[Key] = field(default_factory=set)
    wanted: deque[Script] = field(default_factory=deque)
    """Scripts to be sent next, before any is drawn."""
    acks: list[tuple[float, int]] = field(default_factory=list)
    """When, and at which door."""
    failures: list[Failure] = field(default_factory=list)
    """Every try without an answer, but for those lost on purpose, and every 503."""
    refused: list[str] = field(default_factory=list)
    """What got an answer that is neither 200 nor 503."""
    _number: int = 0
    _stopping: bool = False
    _wire: Wire = field(default_factory=Wire)

    async def run(self, chats: Sequence[int]) -> None:
        """Let so many chats talk until told to stop, then until everything sent has been acknowledged."""
        flights = asyncio.Semaphore(IN_FLIGHT)
        try:
            async with asyncio.TaskGroup() as group:
                for chat in chats:
                    group.create_task(self._talk(chat, flights))
        finally:
            self._wire.close()

    def stop(self) -> None:
        """Send nothing new."""
        self._stopping = True

    @property
    def stopped(self) -> bool:
        """Whether nothing new is sent."""
        return self._stopping

    def history(self) -> list[Sent]:
        """Return what was sent, with what was acknowledged."""
        return [Sent(sent.key, sent.chat, sent.place, sent.script, sent.key in self.acked) for sent in list(self.sent)]

    async def _talk(self, chat: int, flights: asyncio.Semaphore) -> None:
        """Be one chat: its next update goes when the one before has been acknowledged."""
        before = deque[Body](maxlen=REMEMBERED)
        while not self._stopping:
            await asyncio.sleep(self.rng.uniform(0, self.mix.pause))
            body = self._next(chat)
            await self.deliver(body, flights)
            before.append(body)
            if self.rng.random() < LATE_DUPLICATES:
                await self.deliver(self.rng.choice(before), flights)

    def _next(self, chat: int) -> Body:
        """Write the next update; one without a chat has no order to keep."""
        self._number += 1
        kind, where = self.rng.random(), f"chat:{chat}"
        script = self.wanted.popleft() if self.wanted else self.mix.draw(self.rng)
        if script.word == "slow":
            body = bodies.update(self._number, chat, script, self.rng)
        elif kind < self.mix.malformed:
            body, script = bodies.malformed(self._number, self.rng, self.shapes), Script("none")
            where = self.malformed_lane or where
        elif kind < self.mix.malformed + self.mix.chatless:
            body, where = bodies.chatless(self._number, script, self.rng), f"op:{self._number}"
        else:
            body = bodies.update(self._number, chat, script, self.rng)
        self.sent.append(Sent(("telegram", body.dedupe_key), where, self._number, script, acked=False))
        return body

    async def deliver(self, body: Body, flights: asyncio.Semaphore) -> None:
        """Try until it is acknowledged."""
        while True:
            async with flights:
                pause = await self._try(body)
            if pause is None:
                return
            await asyncio.sleep(pause)

    def _failed(self, door: int, body: Body, what: str) -> None:
        self.failures.append(Failure(time.monotonic(), door, ("telegram", body.dedupe_key), what))

    def _confirmed(self, body: Body) -> None:
        self.acked.add(("telegram", body.dedupe_key))

    async def _try(self, body: Body) -> float | None:
        """Deliver once; return after how many seconds to do so again, None once it is acknowledged."""
        door, deaf = self.rng.choice(self.doors), self.rng.random() < LOST_ANSWERS
        try:
            answer = await self._wire.post(door, ROUTE, HEADERS, body.data, deaf=deaf)
        except GONE as error:
            self.answers[type(error).__name__] += 1
            if not deaf:
                self._failed(door, body, repr(error))
            return AGAIN_SECONDS
        self.answers[str(answer.status)] += 1
        if answer.status == OK:
            self._confirmed(body)
            self.acks.append((time.monotonic(), door))
            return None
        if answer.status == BUSY:
            self._failed(door, body, "503")
        else:
            self.refused.append(f"{answer.status} for {body.data[:80]!r}")
        return AGAIN_SECONDS if answer.retry_after is None else answer.retry_after
