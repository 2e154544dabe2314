"""One instance of a fleet as the test sees it: a process, the link to its database, and what it has written down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.proxy import Link
from tests.chaos.referee import Stamp

ROOT = Path(__file__).parents[2]
INSTANCE = Path(__file__).with_name("instance.py")
LOCK_KEY = 4_213_370_000_000_000_001
DEADLINE = 30.0
FRESH_NS = 100_000_000
"""An instance whose last stamp is younger is taken for ACTIVE."""


@dataclass
class Member:
    """One contender; the same name may be started again after its end, as a new process."""

    name: str
    folder: Path
    link: Link
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self, **setup: object) -> None:
        """Start it."""
        arguments = {"name": self.name, "folder": str(self.folder), "lock_key": LOCK_KEY, **setup}
        with Path(self.folder, f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(INSTANCE), json.dumps(arguments)],
                stdin=subprocess.PIPE,
                bufsize=0,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
                cwd=self.folder,
            )

    @property
    def alive(self) -> bool:
        """Whether the process exists."""
        return self.process.poll() is None

    @property
    def acting(self) -> bool:
        """Whether it let an effect pass a moment ago."""
        last = self.last_stamp()
        return last is not None and last.pid == self.process.pid and time.monotonic_ns() - last.at < FRESH_NS

    def say(self, *words: object) -> None:
        """Write a line on its input."""
        assert self.process.stdin is not None
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())

    def kill(self) -> None:
        """End it with kill -9 and wait for the body."""
        self.process.kill()
        self._bury()

    def pause(self) -> None:
        """Freeze it."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, if it still can."""
        self.process.send_signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to drain."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = DEADLINE) -> int:
        """Return its exit code once it has ended."""
        code = self.process.wait(seconds)
        self._bury()
        return code

    def _bury(self) -> None:
        self.process.wait(DEADLINE)
        if self.process.stdin is not None:
            self.process.stdin.close()

    def stamps(self) -> list[Stamp]:
        """Return every effect it let pass, of all its processes."""
        lines = _lines(Path(self.folder, f"{self.name}.stamps"))
        return [Stamp(int(at), int(epoch), int(pid)) for at, epoch, pid in (line.split() for line in lines)]

    def last_stamp(self) -> Stamp | None:
        """Return the latest of them."""
        path = Path(self.folder, f"{self.name}.stamps")
        if not path.exists():
            return None
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 200))
            *whole, _ = file.read().split(b"\n")
        return Stamp(*map(int, whole[-1].split())) if whole else None

    def views(self) -> list[tuple[str, str, int]]:
        """Return every state, reason and epoch it has shown."""
        lines = _lines(Path(self.folder, f"{self.name}.views"))
        return [(state, reason, int(epoch)) for _, state, reason, epoch in (line.split() for line in lines)]

    def view(self) -> tuple[str, str, int]:
        """Return the latest of them."""
        return (self.views() or [("", "", 0)])[-1]

    def output(self) -> str:
        """Return what it has said."""
        return Path(self.folder, f"{self.name}.log").read_text(errors="replace")


def _lines(path: Path) -> list[str]:
    """Return the whole lines of a file that is still being written."""
    return path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []
