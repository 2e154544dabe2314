"""How often and how long: pure rules of time, in seconds, with randomness as a parameter."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Final, Literal

Slo = Literal["image", "audio", "video"]

PROVIDER_SECONDS: Final[Mapping[Slo, float]] = {"image": 900.0, "audio": 900.0, "video": 1800.0}
"""A task without a result by then has failed for the user, whatever becomes of it."""

ANSWER_SECONDS: Final = 120.0
"""An order without an answer by then has nobody who waits for one: no call takes so long."""

DELIVERY_SECONDS: Final = 3_600.0
"""How often a result that is on its way is looked after: Telegram may take its time, a lost message would take for ever."""

QUEUE_SECONDS: Final = 900.0
"""How long a confirmed generation may wait for its turn at the provider's rate limit."""

HOLD_MARGIN_SECONDS: Final = 900.0
"""A hold outlives every deadline of its generation; one that is open past it is an operator's business."""

QUOTE_SECONDS: Final = 600.0
"""A confirmation older than this asks again instead of charging."""

EDIT_SECONDS: Final = 3.0
"""A message that shows progress is not edited more often; the edit that ends it is never delayed."""

CREATE_LIMIT: Final = (20, 10.0)
"""New tasks in any so many seconds; more are rejected by the provider."""

REQUEST_LIMIT: Final = (10, 1.0)
"""Calls of every kind in any so many seconds."""

RATE_WINDOW_SECONDS: Final = CREATE_LIMIT[1]
"""After a rejection a whole window is waited for."""

POLLS: Final = ((30.0, 2.0, 3.0), (120.0, 5.0, 10.0), (float("inf"), 15.0, 30.0))
"""Until this age of the task, the next look comes after between so many and so many seconds."""

LATE_POLL_SECONDS: Final = 60.0
"""Nobody is waiting any more: what comes now is a gift."""

RETRIES: Final = (1.0, 2.0, 5.0, 10.0, 15.0)
"""Waits after calls that brought nothing."""


def poll_delay(age: float, luck: float) -> float:
    """Return the seconds until the next look at a task of this age; `luck` in [0, 1) spreads the looks."""
    low, high = next((low, high) for until, low, high in POLLS if age < until)
    return low + (high - low) * luck


def late_delay(age: float, luck: float) -> float:
    """Return the seconds until the next look at a task whose credits went back so long ago: rarer and rarer."""
    return max(LATE_POLL_SECONDS, age / 10) * (0.8 + 0.4 * luck)


def retry_delay(failures: int, luck: float) -> float:
    """Return the seconds until the next try after so many failures in a row, spread a little."""
    return RETRIES[min(max(failures, 1), len(RETRIES)) - 1] * (0.8 + 0.4 * luck)


def hold_seconds(slo: Slo) -> float:
    """Return how long the credits of a generation may be held: longer than all its deadlines together."""
    return QUEUE_SECONDS + PROVIDER_SECONDS[slo] + HOLD_MARGIN_SECONDS


class Pace:
    """At most so many in any window of so many seconds: a true sliding window.

    Deliberately no leaky bucket: that one lets a full burst and the refill of its window through together, twice what
    the provider allows.
    """

    def __init__(self, limit: tuple[int, float]) -> None:
        self._most, self._seconds = limit
        self._taken: deque[float] = deque()

    def free(self, now: float) -> int:
        """Return how many may be taken now."""
        while self._taken and now - self._taken[0] >= self._seconds:
            self._taken.popleft()
        return self._most - len(self._taken)

    def take(self, now: float) -> None:
        """Note that one was taken."""
        self._taken.append(now)

    def wait(self, now: float, besides: int = 0) -> float:
        """Return the seconds until one may be taken, with `besides` places held: infinite when those fill it."""
        surplus = besides + 1 - self.free(now)
        if surplus <= 0:
            return 0.0
        return self._taken[surplus - 1] + self._seconds - now if surplus <= len(self._taken) else math.inf

    def is_idle(self, now: float) -> bool:
        """Whether nothing counts any more."""
        return self.free(now) == self._most
