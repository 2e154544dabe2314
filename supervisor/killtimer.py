"""The hard deadline: a timer in the kernel that ends this process even while it is stopped.

    disarmed ◀──disarm()── armed(at) ──CLOCK_BOOTTIME reaches `at`──▶ SIGKILL, whatever the process is doing
        └──────arm(at)──────▶ ▲ │
                              └─┘ arm(later): each acknowledged renew of the lease postpones it

Invariants
* Nothing of Python is needed for the kill: no thread, no loop, no GIL; a process stopped by a signal or frozen by its
  cgroup executes nothing more once the deadline has passed.
* The clock goes on while the machine is suspended and does not follow the wall clock.
* Threads share the timer. A child made by fork has none, and a program started by exec neither.
* PID 1 of a container ignores SIGKILL from its own kernel timer; `supervisor.init` sees to it that nobody works as PID 1.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import threading
import time

from supervisor.errors import ConfigError, Unavailable

_SIGEV_SIGNAL = 0
_TIMER_ABSTIME = 1
_SIGEVENT_BYTES = 64
"""Of `struct sigevent` on every 64-bit Linux."""
_NANOSECONDS = 1_000_000_000


class _Event(ctypes.Structure):
    """`struct sigevent`: a value we do not use, the signal, how it is told; the rest is for other kinds of notice."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * (_SIGEVENT_BYTES - ctypes.sizeof(ctypes.c_void_p) - 2 * ctypes.sizeof(ctypes.c_int))),
    )


class _Time(ctypes.Structure):
    """`struct timespec`."""

    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    """`struct itimerspec`; a first expiry of zero disarms."""

    _fields_ = (("interval", _Time), ("first", _Time))


class KillTimer:
    """A POSIX timer of this process that sends it SIGKILL; created disarmed, callable from any thread."""

    def __init__(self) -> None:
        if os.getpid() == 1:
            raise ConfigError(
                "Creating the kill timer: this process is PID 1, which ignores SIGKILL from inside its container.",
                hint="start `vigil run` itself, which forks as PID 1, or put an init before it (docker run --init)",
            )
        self._libc = _libc()
        self._guard = threading.Lock()
        event = _Event(signo=signal.SIGKILL, notify=_SIGEV_SIGNAL)
        timer = ctypes.c_void_p()
        _check(
            self._libc.timer_create(time.CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(timer)),
            "timer_create(CLOCK_BOOTTIME, SIGKILL)",
        )
        self._timer: ctypes.c_void_p | None = timer

    def arm(self, at: float) -> None:
        """Let the process end at `at`, in seconds of CLOCK_BOOTTIME; a time in the past ends it at once.

        Replaces an earlier deadline. Raises OSError when the kernel refuses, ValueError for what is no time.
        """
        if not math.isfinite(at):
            raise ValueError(f"Arming the kill timer: {at} is not a time")
        # Zero would disarm the timer instead of firing it.
        nanoseconds = max(1, round(at * _NANOSECONDS))
        with self._guard:
            if self._timer is None:
                raise ValueError("Arming the kill timer: it is closed")
            self._set(self._timer, _Time(*divmod(nanoseconds, _NANOSECONDS)), "to arm")

    def disarm(self) -> None:
        """Let the process live; disarming twice, or after `close`, does nothing."""
        with self._guard:
            if self._timer is not None:
                self._set(self._timer, _Time(0, 0), "to disarm")

    def close(self) -> None:
        """Disarm for good and give the timer back to the kernel; closing twice does nothing."""
        with self._guard:
            timer, self._timer = self._timer, None
            if timer is not None:
                _check(self._libc.timer_delete(timer), "timer_delete")

    def _set(self, timer: ctypes.c_void_p, first: _Time, why: str) -> None:
        # Called under the guard: a timer deleted in between may have got a new owner.
        setting = _Setting(_Time(0, 0), first)
        _check(
            self._libc.timer_settime(timer, _TIMER_ABSTIME, ctypes.byref(setting), None),
            f"timer_settime {why} the kill timer",
        )


def _libc() -> ctypes.CDLL:
    """Return the library with the timer functions: the C library itself, or librt before glibc 2.34."""
    for name in (None, "librt.so.1"):
        try:
            library = ctypes.CDLL(name, use_errno=True)
            library.timer_create.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
            library.timer_settime.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
            library.timer_delete.argtypes = (ctypes.c_void_p,)
        except (OSError, AttributeError):
            continue
        return library
    raise Unavailable(
        "Creating the kill timer: the C library of this system has no timer_create.",
        hint="run Vigil on Linux; without this timer nothing ends a paused ACTIVE",
    )


def _check(result: int, attempted: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{attempted}: {os.strerror(code)}")
