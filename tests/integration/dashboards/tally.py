"""Counters of every process in the story, added up step by step; each begins at 0."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable

from telemetry.catalogue import BY_NAME

Add = Callable[..., None]
SECONDS = 30
"""Between two samples."""


class Tally:
    """What a process shows, at the moment and of the process that its heirs have set."""

    def __init__(self, add: Add) -> None:
        self._add = add
        self._totals: dict[tuple[str, ...], float] = defaultdict(float)
        self._at, self._process = 0, ""

    def _show(self, name: str, value: float, /, **labels: str) -> None:
        """Show a number as it is."""
        self._add(name, self._at, float(value), self._process, **labels)

    def _count(self, name: str, a_second: float, /, **labels: str) -> None:
        """Add to a counter what a step brings; its first sample is 0."""
        key = (self._process, name, *labels.values())
        self._add(name, self._at, self._totals[key], self._process, **labels)
        self._totals[key] += a_second * SECONDS

    def _spread(self, name: str, a_second: float, median: float, /, **labels: str) -> None:
        """Add observations of about this median to a histogram."""
        for le in (*BY_NAME[name].buckets, math.inf):
            share = 1 - math.exp(-math.log(2) * le / median)
            self._count(f"{name}_bucket", a_second * share, le="+Inf" if math.isinf(le) else f"{le:g}", **labels)
