"""The clock of every deadline of the lock."""

from __future__ import annotations

import time


def boottime() -> float:
    """Seconds that go on while the machine is suspended and never jump (CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
