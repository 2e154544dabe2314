"""A PID namespace of a test's own, in which a program is PID 1 as in a container."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


def as_pid_1() -> tuple[str, ...]:
    """Return the words that make the program behind them PID 1; skip the test where that is not permitted.

    The program dies with the `unshare` that these words run.
    """
    words: tuple[str, ...] = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    if os.geteuid() != 0:
        words = (*words, "--user", "--map-root-user")
    done = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        # The kernel's policy decides, not what is installed; without a namespace nothing here can be PID 1.
        pytest.skip(f"needs unshare: making a PID namespace is not permitted here: {done.stderr.strip()}")
    return words


def child_of(pid: int) -> int:
    """Return the process id, outside of the namespace, of the only child of a process."""
    (child,) = (pid_of for pid_of, parent in _processes() if parent == pid)
    return child


def _processes() -> list[tuple[int, int]]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything, so count from behind it.
            found.append((int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])))
        except (OSError, IndexError):
            continue
    return found
