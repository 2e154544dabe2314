"""PID 1 of a container: an init in front of the daemon, because the kernel protects PID 1 from its own kill timer.

    PID 1 ──fork, before any thread or loop──▶ the daemon
      │  passes signals on, buries orphans
      └─ the daemon ended ──▶ exits with its code, or with 128 + n when signal n ended it

Invariants
* No signal is lost: those passed on are blocked from before the fork until each side is ready for them.
* The daemon never outlives PID 1.
* Elsewhere than as PID 1 nothing happens.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from typing import NoReturn

PASSED_ON = frozenset(
    {
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGCONT,
    }
)
FROM_THE_KEYBOARD = frozenset({signal.SIGINT, signal.SIGQUIT})
_SI_KERNEL = 0x80
_PR_SET_PDEATHSIG = 1


def fork_as_pid_1() -> None:
    """As PID 1, go on in a child and never return in the parent; otherwise do nothing.

    Call it in the main thread before any other thread and any event loop exists.
    """
    if os.getpid() != 1:
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON | {signal.SIGCHLD})
    child = os.fork()
    if child:
        _attend(child)
    _die_with_parent()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _attend(daemon: int) -> NoReturn:
    """Pass signals on and bury the dead until the daemon has ended, then end like it."""
    # Whoever started us may have had it ignored, and then nobody's end would be told.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    while True:
        told = signal.sigwaitinfo(PASSED_ON | {signal.SIGCHLD})
        if told.si_signo == signal.SIGCHLD:
            if (status := _bury(daemon)) is not None:
                _end(status)
        # A terminal tells its whole foreground group by itself; twice would mean "hurry".
        elif not (told.si_signo in FROM_THE_KEYBOARD and told.si_code == _SI_KERNEL):
            # Until it is buried, its number is nobody else's.
            os.kill(daemon, told.si_signo)


def _bury(daemon: int) -> int | None:
    """Reap whoever has ended; return the daemon's wait status if it has."""
    status = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == daemon:
                status = ended[1]
    return status


def _end(status: int) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGKILL:
        sys.stderr.write(
            "vigil: The daemon was killed past the hard deadline of its lease, or from outside (SIGKILL).\n"
            "Try: the log's last lines; the deadline ends a paused or cut-off ACTIVE, the kernel what takes all memory\n"
        )
    sys.exit(code if code >= 0 else 128 - code)


def _die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
