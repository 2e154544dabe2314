"""The table of the bench: p50 / p99 / max of every measure, ours beside the peers', and the bar each has to keep."""

from __future__ import annotations

import math
from collections.abc import Sequence

Found = dict[str, dict[str, list[float]]]

KINDS = ("standard", "fast", "asyncpg-lock", "asyncpg-lock, tuned")
ROWS = {
    "graceful": ("L1 graceful gap, ms", 1e3, "p50 ≤ 10, p99 ≤ 50"),
    "kill": ("L2 kill -9 → ACTIVE, s", 1.0, "p99 ≤ 1.5"),
    "freeze": ("L3 SIGSTOP → ACTIVE, s", 1.0, "≤ 10.75, fast 5.75"),
    "restart": ("L5 database back → ACTIVE, s", 1.0, "≤ 1"),
    "outage": ("L5 … after an outage of, s", 1.0, "< D"),
    "new terms": ("L5 new terms per restart", 1.0, "0"),
    "ACTIVE q/s": ("L7 queries a second, ACTIVE", 1.0, "≤ 0.5"),
    "PASSIVE q/s": ("L7 queries a second, PASSIVE", 1.0, "≤ 2.1"),
}
FENCE_ROWS = (
    ("fence in a write, µs, p50", "fence", "plain", "≤ 50"),
    ("fence as a statement, and the trigger, µs, p50", "fenced transaction", "transaction", "–"),
)


def quantile(figures: Sequence[float], share: float) -> float:
    """Return the smallest figure that at least this share of them does not exceed."""
    ordered = sorted(figures)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def cell(figures: Sequence[float] | None, scale: float) -> str:
    """p50 / p99 / max, and how many there were."""
    if not figures:
        return "–"
    parts = (quantile(figures, 0.5), quantile(figures, 0.99), max(figures))
    return " / ".join("never" if math.isinf(part) else f"{part * scale:.3g}" for part in parts) + f" (n={len(figures)})"


def ratio(found: Found, what: str) -> str:
    """How many times as long the peer takes at its defaults, by p50."""
    if what in {"outage", "new terms"}:
        return ""
    mine, theirs = found.get("standard", {}).get(what), found.get("asyncpg-lock", {}).get(what)
    if not mine or not theirs or quantile(mine, 0.5) == 0:
        return ""
    times = quantile(theirs, 0.5) / quantile(mine, 0.5)
    return "∞" if math.isinf(times) else f"{times:.3g}×"


def table(found: Found) -> str:
    """Return everything as one Markdown table."""
    kinds = [kind for kind in KINDS if kind in found]
    names = [f"Vigil {kind}" if kind in {"standard", "fast"} else kind for kind in kinds]
    head = ["p50 / p99 / max (n)", *names, "default peer ÷ standard", "bar"]
    rows = [head, ["---"] * len(head)]
    for what, (name, scale, bar) in ROWS.items():
        cells = [cell(found[kind].get(what), scale) for kind in kinds]
        rows.append([name, *cells, ratio(found, what), bar])
    for name, guarded, plain, bar in FENCE_ROWS if "fence" in found else ():
        p50, without = (quantile(found["fence"][which], 0.5) * 1e6 for which in (guarded, plain))
        size = len(found["fence"][plain])
        rows.append([name, f"{p50 - without:.0f} on {without:.0f} (n={size})", *("–" for _ in kinds[1:]), "", bar])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
