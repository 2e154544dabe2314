"""Becomes another program, under another user if asked, that dies with its parent.

Run as a script, before the program that must not outlive us: `python -I -S become.py UID GID SIGNAL PARENT PROGRAM ARG…`.
A separate interpreter instead of a `preexec_fn`, because Python code between fork and exec can deadlock in a process
with threads. The order matters: the kernel forgets the death signal when credentials change, so it is set last, and a
parent that died before that is noticed by comparing parents.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
EXIT_CANNOT = 126
"""What a shell answers for a program that exists and cannot be started."""


def become(uid: int, gid: int, death_signal: int, parent: int, command: list[str]) -> None:
    """Replace this process by `command`; return only by raising."""
    if uid != os.geteuid():
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent:
        raise OSError(0, "the parent is already gone")
    os.execv(command[0], command)  # noqa: S606 - an absolute path chosen by us; no shell is wanted


if __name__ == "__main__":
    try:
        uid, gid, death_signal, parent = (int(word) for word in sys.argv[1:5])
        become(uid, gid, death_signal, parent, sys.argv[5:])
    except OSError as failure:
        sys.stderr.write(f"could not start {sys.argv[5]} as uid {sys.argv[1]}: {failure}\n")
        sys.exit(EXIT_CANNOT)
