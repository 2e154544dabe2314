"""Which spans are kept: all of a trace or none, a linked pair together, and the rare named ones always.

A root that only links to its cause would be sampled on its own, and half of all webhook-process pairs would lose one
side; so a link decides before the ratio does. Decided before a span is made: the SDK's costs even when it is dropped.
A bound stands behind the ratio, and likewise only where a trace begins: what a kept one brings after it is kept too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry.tracing import SpanLink

ALWAYS = frozenset({"term", "takeover", "handover", "drain"})
"""Spans that are kept whatever the ratio: rare, and wanted exactly when something went wrong."""
NEW_TRACES = 100
"""Traces that begin in a second, on average and at most twice as many in one: a queue of 2,048 spans bears that, and
while half of it waits none begins."""


@dataclass(slots=True)
class Allowance:
    """So many a second, and as many at once after a second of rest.

    Without a lock: two threads that ask in the same instant may share one place, which costs nobody anything.
    """

    per_second: int
    clock: Callable[[], float] = monotonic
    _free_at: float = field(default=0.0, init=False)

    def take(self) -> bool:
        """Take one if there is one."""
        now = self.clock()
        if self._free_at > now:
            return False
        self._free_at = max(self._free_at, now - 1.0) + 1.0 / self.per_second
        return True


@dataclass(frozen=True, slots=True)
class FollowLinks:
    """Keep named spans; else follow the parent; else follow the first link; else keep this share while there is room."""

    ratio: float
    room: Callable[[], bool]

    def keeps(self, name: str, parent: bool | None, links: Sequence[SpanLink]) -> bool:
        """Decide by name, whether the parent is kept (None without one), first link, ratio and room, in this order."""
        if name in ALWAYS:
            return True
        if parent is not None:
            return parent
        if links:
            return links[0].sampled
        return random.random() < self.ratio and self.room()  # noqa: S311 - a share, not a secret
