"""Tell systemd how this process fares: ready, stopping, what it is doing, and that its loop still runs.

    READY=1         once the infrastructure is ready           STATUS=…      whenever it changes
    STOPPING=1      at the beginning of the drain              WATCHDOG=1    every WATCHDOG_USEC / 2, from the main loop
    EXTEND_TIMEOUT_USEC=…   every 10 s until READY=1

A stalled loop tells nothing, and so systemd restarts it. Without NOTIFY_SOCKET nothing happens. Nothing here blocks or
raises: a service manager that does not listen is said once in the log, and is no reason to stop working.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import MutableMapping

from telemetry import emit, events

_MICROSECONDS = 1_000_000
EXTENSION_SECONDS, EXTEND_EVERY = 30.0, 10.0
"""A migration may take longer than TimeoutStartSec: cut short, it would begin anew at every start."""
SOCKET, WATCHDOG_PERIOD, WATCHDOG_PROCESS = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class Notifier:
    """The way to the service manager; `address` empty: there is none."""

    def __init__(self, address: str = "", watchdog_seconds: float = math.inf) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._interval = watchdog_seconds / 2
        self._due = 0.0 if math.isfinite(watchdog_seconds) else math.inf
        self._extension_due = 0.0
        self._status = ""

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> Notifier:
        """Read what systemd gave this process, and remove it: a program we start is not to speak for us."""
        address, period, process = (environment.pop(name, "") for name in (SOCKET, WATCHDOG_PERIOD, WATCHDOG_PROCESS))
        meant = process in {"", str(os.getpid())}
        microseconds = int(period) if period.isdecimal() and meant else 0
        return cls(address, microseconds / _MICROSECONDS if microseconds else math.inf)

    def ready(self) -> None:
        """Say that the start is over."""
        self._extension_due = math.inf
        self._send("READY=1")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._extension_due = math.inf
        self._send("STOPPING=1")

    def tick(self, now: float, status: str) -> None:
        """Say that the main loop runs, when it is time to, and what this process is doing, when that has changed.

        Called on every tick of the loop; `status` is one line.
        """
        words = []
        if status != self._status:
            self._status = status
            words.append(f"STATUS={status}")
        if now >= self._extension_due:
            self._extension_due = now + EXTEND_EVERY
            words.append(f"EXTEND_TIMEOUT_USEC={EXTENSION_SECONDS * _MICROSECONDS:.0f}")
        if now >= self._due:
            self._due = now + self._interval
            words.append("WATCHDOG=1")
        if words:
            self._send("\n".join(words))

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            # Opened for each message: systemd may be re-executed, and then has a new socket at the same address.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sock:
                sock.sendto(message.encode(), self._address)
        except OSError as error:
            emit(events.NotifyFailed(error=error))
