"""Repeated failures, summarised: the first goes through, then one with the total per interval."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

MOST_KEYS = 1000


@dataclass(slots=True)
class _Series:
    opened: float
    held_back: int = 0


@dataclass(slots=True)
class Repeats:
    """Which occurrence of a repeated thing is worth a line; time is a parameter.

    Keeps at most `most_keys` series, the most recent ones, so that its memory is bounded.
    """

    most_keys: int = MOST_KEYS
    _series: OrderedDict[Hashable, _Series] = field(default_factory=OrderedDict)

    def seen(self, key: Hashable, now: float, interval_seconds: float) -> int | None:
        """None to stay silent; else how many occurrences were held back since the last line."""
        series = self._series.get(key)
        if series is not None and now - series.opened < interval_seconds:
            series.held_back += 1
            return None
        held_back = series.held_back if series is not None else 0
        self._series[key] = _Series(now)
        self._series.move_to_end(key)
        if len(self._series) > self.most_keys:
            self._series.popitem(last=False)
        return held_back
