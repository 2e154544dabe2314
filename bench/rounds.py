"""Contenders in alternating rounds, and one Markdown table of the medians.

    asked = arguments("What it measures", rounds=5)
    found = await alternate({"ours": one_round, "naive": other_round}, asked.rounds)
    report([Case("64 waiters", "acks/s", "naive", found, {"ours": "≥ 5"})], notes, as_json=asked.json)

Every round runs each contender once, every second one backwards: what drifts on the machine meets all alike.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.figures import quantile


@dataclass(frozen=True, slots=True)
class Figures:
    """What one contender did in one round."""

    rate: float
    """How many a second."""
    p50: float | None = None
    p99: float | None = None
    """Seconds each."""
    more: Mapping[str, float] = field(default_factory=dict)
    """Columns of the bench's own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison: figures by contender, with ratios against the base, and the bars by contender.

    A ratio is a contender's rate by the base's; `inverse` says instead how many times as fast the base is. One that is
    named in `against` is compared with another contender than the base. Without a base there are no ratios.
    """

    name: str
    unit: str
    base: str
    found: Mapping[str, Sequence[Figures]]
    bars: Mapping[str, str] = field(default_factory=dict)
    inverse: bool = False
    against: Mapping[str, str] = field(default_factory=dict)

    def ratio(self, name: str) -> str:
        """Return the ratio of this contender's median."""
        other = self.against.get(name, self.base)
        if not other:
            return ""
        base, own = (statistics.median(each.rate for each in self.found[which]) for which in (other, name))
        if name in self.against:
            return f"{own / base:.2f}× of {other}"
        if not self.inverse:
            return f"{own / base:.2f}×"
        return "" if name == self.base else f"{self.base} is {base / own:.2f}×"


def timed(latencies: Sequence[float], seconds: float, **more: float) -> Figures:
    """Return the figures of a round in which each of these took so long."""
    return Figures(len(latencies) / seconds, quantile(latencies, 0.5), quantile(latencies, 0.99), more)


async def alternate(
    contenders: Mapping[str, Callable[[], Awaitable[Figures]]], rounds: int
) -> dict[str, list[Figures]]:
    """Run every contender once a round; return the figures by contender."""
    found: dict[str, list[Figures]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in list(contenders)[:: -1 if number % 2 else 1]:
            found[name].append(await contenders[name]())
    return found


def arguments(description: str, rounds: int) -> argparse.Namespace:
    """Return `json`, `quick` and `rounds` as asked for; a quick run has one round."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="every figure of every round instead of the table")
    parser.add_argument("--quick", action="store_true", help="one short round: whether it runs, not how fast")
    parser.add_argument("--rounds", type=int)
    asked = parser.parse_args()
    asked.rounds = asked.rounds or (1 if asked.quick else rounds)
    return asked


def machine(**more: object) -> dict[str, str]:
    """Return what the figures depend on: the machine, its load, and what the bench adds."""
    return {
        "cores": str(os.cpu_count()),
        "Python": platform.python_version(),
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        **{name.replace("_", " "): str(value) for name, value in more.items()},
    }


def report(cases: Sequence[Case], notes: Mapping[str, str], *, as_json: bool) -> None:
    """Print one table of all cases, or every figure as JSON."""
    if as_json:
        print(as_json_text({"notes": dict(notes), "cases": [asdict(case) for case in cases]}))
        return
    print(table(cases))
    print(f"\n{' · '.join(f'{name}: {value}' for name, value in notes.items())}")


def as_json_text(found: Any) -> str:
    """Return it as JSON, which knows neither infinity nor what is not a number: both are null."""
    return json.dumps(_finite(found), ensure_ascii=False, allow_nan=False)


def _finite(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _finite(each) for name, each in found.items()}
    if isinstance(found, list | tuple):
        return [_finite(each) for each in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found


def table(cases: Sequence[Case]) -> str:
    """Return medians over the rounds, the ratio to the base, and the range of the rounds."""
    contenders = [each for case in cases for each in case.found.values()]
    extra = list(dict.fromkeys(name for each in contenders for name in each[0].more))
    latencies = [
        name for name in ("p50", "p99") if any(getattr(one, name) is not None for each in contenders for one in each)
    ]
    rounds = max(len(each) for each in contenders)
    units = " or ".join(dict.fromkeys(case.unit for case in cases))
    head = [
        "",
        f"{units} (median of {rounds})",
        "lowest–highest",
        "ratio",
        *(f"{name}, ms" for name in latencies),
        *extra,
        "bar",
    ]
    rows = [head, ["---", *("---:" for _ in head[2:]), "---"]]
    for case in cases:
        for name, each in case.found.items():
            rates = [figures.rate for figures in each]
            rows.append(
                [
                    f"{case.name}: {name}" if case.name else name,
                    f"{statistics.median(rates):,.0f}",
                    f"{min(rates):,.0f}–{max(rates):,.0f}",
                    case.ratio(name),
                    *(_median([getattr(figures, name) for figures in each], 1e3) for name in latencies),
                    *(_median([figures.more.get(column) for figures in each]) for column in extra),
                    case.bars.get(name, ""),
                ]
            )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _median(values: Sequence[float | None], scale: float = 1.0) -> str:
    given = [value for value in values if value is not None]
    return figure(statistics.median(given) * scale) if given else "–"


def figure(value: float) -> str:
    """Return it with three digits, or all of those before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
