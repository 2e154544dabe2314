"""Every state a model can reach, breadth first: the shortest way to a broken property, and where nothing leads on.

A model gives its first state, what may follow a state, and what is wrong with a step. Nothing is sampled: `explore` ends
when no new state is left, or fails when there are more than it was allowed to visit; it never calls a part the whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

S = TypeVar("S", bound=Hashable)


class Model(Protocol[S]):
    """States, steps and properties."""

    def first(self) -> S:
        """Return the state in which everything begins."""
        ...

    def steps(self, state: S) -> Iterable[tuple[str, S, str | None]]:
        """Return (action, next state, broken property or None) for everything that may happen next."""
        ...

    def is_fault(self, action: str) -> bool:
        """Whether this action is a fault, which nobody may rely on to get further."""
        ...

    def is_goal(self, state: S) -> bool:
        """Whether this is what must stay reachable."""
        ...


class TooLarge(AssertionError):
    """More states than allowed: nothing is proven, and nothing is reported as if it were."""


@dataclass(frozen=True, slots=True)
class Report:
    """How many states and steps there are; what was broken first, by which shortest trace; from where no goal is left."""

    states: int
    steps: int
    broken: str | None = None
    trace: tuple[str, ...] = ()
    stuck: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """A line for the reader of a test's output."""
        found = f"{self.broken}: {' → '.join(self.trace)}" if self.broken else "nothing broken"
        stuck = f"; no way to a leader from: {' → '.join(self.stuck)}" if self.stuck is not None else ""
        return f"{self.states} states, {self.steps} steps; {found}{stuck}"


class Exploration(Generic[S]):
    """One breadth-first search."""

    def __init__(self, model: Model[S], limit: int) -> None:
        self._model = model
        self._limit = limit
        self._numbers: dict[S, int] = {}
        self._came_from = array("l")
        self._came_by: list[str] = []
        self._goals: list[int] = []
        self._sources, self._targets = array("l"), array("l")

    def run(self, *, liveness: bool) -> Report:
        """Visit everything; stop at the first broken property. With `liveness`, also look for states without a way on."""
        model, count = self._model, 0
        queue = [model.first()]
        self._number(queue[0], -1, "")
        for state in queue:
            number = self._numbers[state]
            for action, following, broken in model.steps(state):
                count += 1
                if broken is not None:
                    return Report(len(queue), count, broken, (*self._trace(number), action))
                known = len(queue)
                target = self._number(following, number, action)
                if target == known:
                    queue.append(following)
                if liveness and not model.is_fault(action):
                    self._sources.append(number)
                    self._targets.append(target)
        stuck = self._stuck(len(queue)) if liveness else None
        return Report(len(queue), count, stuck=None if stuck is None else self._trace(stuck))

    def _number(self, state: S, parent: int, action: str) -> int:
        number = self._numbers.setdefault(state, len(self._came_by))
        if number == len(self._came_by):
            if number >= self._limit:
                raise TooLarge(f"more than {self._limit} states")
            self._came_from.append(parent)
            self._came_by.append(action)
            if self._model.is_goal(state):
                self._goals.append(number)
        return number

    def _trace(self, number: int) -> tuple[str, ...]:
        actions = []
        while number > 0:
            actions.append(self._came_by[number])
            number = self._came_from[number]
        return tuple(reversed(actions))

    def _stuck(self, size: int) -> int | None:
        """Return the first state from which no goal is reachable without a fault."""
        before: list[list[int]] = [[] for _ in range(size)]
        for source, target in zip(self._sources, self._targets, strict=True):
            before[target].append(source)
        reaching = bytearray(size)
        open_ = list(self._goals)
        for number in open_:
            reaching[number] = 1
        while open_:
            for source in before[open_.pop()]:
                if not reaching[source]:
                    reaching[source] = 1
                    open_.append(source)
        missed = reaching.find(0)
        return None if missed < 0 else missed


def explore(model: Model[S], *, liveness: bool = False, limit: int = 2_000_000) -> Report:
    """Search the whole graph of a model."""
    return Exploration(model, limit).run(liveness=liveness)
