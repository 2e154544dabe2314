"""One period of being ACTIVE, and how long it may be trusted: no I/O, the clock is a parameter.

    trusted ──extend(sent_at)──▶ trusted (longer)
       ├── the clock passes the soft deadline ──▶ ended(doubt)
       └── end(reason) ─────────────────────────▶ ended(reason)

Invariants
* The deadline counts from the clock read before the last acknowledged renew was sent: a slow answer buys no time.
* An ended term stays ended, whatever is acknowledged afterwards. What was refused once is never allowed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from supervisor.clock import boottime
from supervisor.errors import SupervisorError


class TrustLost(SupervisorError):
    """No outside effect may start: the term has ended. `epoch` and `reason` say which and why."""

    def __init__(self, epoch: int, reason: str) -> None:
        super().__init__(f"Starting an effect in term {epoch}: the term has ended ({reason}); its successor goes on.")
        self.epoch = epoch
        self.reason = reason


class Term:
    """The term `epoch` of one instance: trusted for `window` seconds after each acknowledged renew was sent.

    The keeper's thread extends it, any thread may check or end it. `on_end` is called in the thread that found out.
    """

    __slots__ = ("_clock", "_on_end", "_reason", "_sent_at", "_window", "doubt", "epoch", "instance_id")

    def __init__(
        self,
        epoch: int,
        instance_id: str,
        *,
        window: float,
        sent_at: float,
        clock: Callable[[], float] = boottime,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.epoch = epoch
        self.instance_id = instance_id
        self.doubt = "soft_deadline"
        """Why the term will have ended if nothing extends it."""
        self._window = window
        self._sent_at = sent_at
        self._clock = clock
        self._on_end = on_end
        self._reason: str | None = None

    @property
    def renewed_at(self) -> float:
        """When the last acknowledged renew was sent."""
        return self._sent_at

    @property
    def ended(self) -> str | None:
        """Why the term has ended, or None while it is trusted; whoever looks past the deadline ends it."""
        if self._reason is None and self._clock() >= self._sent_at + self._window:
            self.end(self.doubt)
        return self._reason

    def check(self) -> None:
        """Raise `TrustLost` unless an outside effect may start right now."""
        if (reason := self.ended) is not None:
            raise TrustLost(self.epoch, reason)

    def remaining(self) -> float:
        """Return the seconds until the soft deadline; 0 once the term has ended."""
        if self._reason is not None:
            return 0.0
        return max(0.0, self._sent_at + self._window - self._clock())

    def extend(self, sent_at: float) -> bool:
        """Count the deadline from `sent_at`, the clock read before sending; False when the term has ended already."""
        if self.ended is not None:
            return False
        self._sent_at = max(self._sent_at, sent_at)
        self.doubt = "soft_deadline"
        return True

    def end(self, reason: str) -> None:
        """End the term now; only the first reason counts."""
        if self._reason is None:
            self._reason = reason
            self._on_end()


def lock_key_for(bot_id: int) -> int:
    """Return the lock key of a bot: one lock for each."""
    return _key(f"vigil:{bot_id}")


def fence_key(lock_key: int) -> int:
    """Return the advisory lock that writers of the current term share and a claim excludes; as lock_fence_key()."""
    return _key(f"fence:{lock_key}")


def _key(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
