"""How close to its soft deadline a term has come: the least slack of the last minute. No I/O, the clock is a parameter."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 60.0


class Margin:
    """The least of what was noted in the last minute: kept as the values that may still become it, oldest first."""

    def __init__(self, window: float = WINDOW_SECONDS) -> None:
        self._window = window
        self._candidates: deque[tuple[float, float]] = deque()

    def note(self, slack: float, now: float) -> float:
        """Add what was left to the deadline when a heartbeat was acknowledged; return the least of the last minute."""
        while self._candidates and self._candidates[-1][1] >= slack:
            self._candidates.pop()
        self._candidates.append((now, slack))
        while self._candidates[0][0] <= now - self._window:
            self._candidates.popleft()
        return self._candidates[0][1]
