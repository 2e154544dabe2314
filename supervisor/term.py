"""One period of being ACTIVE, and how long it may be trusted: no I/O but a wait, the clock is a parameter.

    trusted ──extend(sent_at)──▶ trusted (longer)
       │  ▲
       │  └─resume()── suspended ◀── suspend(): no effect starts, nothing has ended
       ├── the clock passes the soft deadline ──▶ ended(doubt)
       └── end(reason) ─────────────────────────▶ ended(reason)

Invariants
* The deadline counts from the clock read before the last acknowledged renew was sent: a slow answer buys no time.
* An ended term stays ended, whatever is acknowledged afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import anyio

from supervisor.clock import boottime
from supervisor.errors import SupervisorError


class TrustLost(SupervisorError):
    """No outside effect may start: the term has ended. `epoch` and `reason` say which and why."""

    def __init__(self, epoch: int, reason: str) -> None:
        super().__init__(f"Starting an effect in term {epoch}: the term has ended ({reason}); its successor goes on.")
        self.epoch = epoch
        self.reason = reason


SUSPENSION_LOOK_SECONDS = 0.02


class Term:
    """The term `epoch` of one instance: trusted for `window` seconds after each acknowledged renew was sent.

    `(timeline, epoch)` is its token, unique even when a promoted standby has lost the last epochs. The keeper's thread
    extends and suspends it, any thread may check or end it. `on_end` is called in the thread that found out. Until
    `quarantined_until` the holder before may still be carrying out what it had begun outside.
    """

    __slots__ = (
        "_clock",
        "_on_end",
        "_reason",
        "_sent_at",
        "_suspended",
        "_window",
        "doubt",
        "epoch",
        "instance_id",
        "quarantined_until",
        "timeline",
    )

    def __init__(
        self,
        epoch: int,
        instance_id: str,
        *,
        window: float,
        sent_at: float,
        timeline: int = 0,
        quarantined_until: float = 0.0,
        clock: Callable[[], float] = boottime,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.epoch = epoch
        self.timeline = timeline
        self.instance_id = instance_id
        self.quarantined_until = quarantined_until
        self.doubt = "soft_deadline"
        """Why the term will have ended if nothing extends it."""
        self._window = window
        self._sent_at = sent_at
        self._clock = clock
        self._on_end = on_end
        self._reason: str | None = None
        self._suspended = False

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

    @property
    def suspended(self) -> bool:
        """Whether the control session is lost: no effect may start, but the term may go on."""
        return self._suspended

    @property
    def trustworthy(self) -> bool:
        """Whether an outside effect may start right now."""
        return self.ended is None and not self._suspended

    def check(self) -> None:
        """Raise `TrustLost` unless an outside effect may start right now."""
        self.check_not_ended()
        if self._suspended:
            raise TrustLost(self.epoch, "suspended")

    def check_not_ended(self) -> None:
        """Raise `TrustLost` once the term has ended: for what the database's own fence guards as well."""
        if (reason := self.ended) is not None:
            raise TrustLost(self.epoch, reason)

    async def trusted(self) -> None:
        """Return when an outside effect may start, waiting out a suspension; raise `TrustLost` once the term has ended.

        Nothing is awaited between the check and the return: what follows at once is as good as checked.
        """
        while self.ended is None and self._suspended:  # noqa: ASYNC110 - rare, and ended by another thread
            await anyio.sleep(SUSPENSION_LOOK_SECONDS)
        self.check_not_ended()

    def quarantine(self) -> float:
        """Return the seconds for which what older terms had begun outside is still left alone."""
        return max(0.0, self.quarantined_until - self._clock())

    def suspend(self) -> None:
        """Let no effect start until `resume`."""
        self._suspended = True

    def resume(self) -> None:
        """Let effects start again, if the term has not ended."""
        self._suspended = False

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


def beacon_key(lock_key: int, epoch: int) -> int:
    """Return the session advisory lock that shows that the holder of this epoch lives; as lock_beacon_key()."""
    return _key(f"beacon:{lock_key}:{epoch}")


def fence_key(lock_key: int) -> int:
    """Return the advisory lock that writers of the current term share and a claim excludes; as lock_fence_key()."""
    return _key(f"fence:{lock_key}")


def _key(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
