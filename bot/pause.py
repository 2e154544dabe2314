"""How long to wait before something outside is tried again."""

from __future__ import annotations

MOST_DOUBLINGS = 32


def pause(failures: int, jitter: float, *, base: float, cap: float) -> float:
    """Return the seconds to wait after the `failures`-th failure in a row; `jitter` is a number from 0 to 1.

    Between half and all of min(cap, base · 2ⁿ⁻¹), so that those who failed together do not come back together.
    """
    whole: float = min(cap, base * 2.0 ** min(max(failures, 1) - 1, MOST_DOUBLINGS))
    return whole * (0.5 + jitter / 2)
