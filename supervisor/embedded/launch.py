"""How a PostgreSQL program is started: as another user if need be, dying with us, knowing nothing of ours."""

from __future__ import annotations

import os
import signal
import sys

from supervisor.embedded import become
from supervisor.embedded.account import Account

PASSED_ON = ("PATH", "TZ", "LD_LIBRARY_PATH")


def command_for(user: Account, death_signal: signal.Signals, command: list[str]) -> list[str]:
    """Return the words that run `command` as `user` and end it with `death_signal` when this process ends."""
    numbers = (user.uid, user.gid, int(death_signal), os.getpid())
    return [sys.executable, "-I", "-S", become.__file__, *(str(number) for number in numbers), *command]


def environment() -> dict[str, str]:
    """Return what the programs may know of our environment: no PG* variable that changes them, no secret."""
    kept = {name: value for name, value in os.environ.items() if name in PASSED_ON}
    return {**kept, "LC_ALL": "C", "LANG": "C"}
