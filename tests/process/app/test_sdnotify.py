"""A whole instance as systemd sees it."""

from __future__ import annotations

import contextlib
import signal
import socket
from itertools import pairwise
from pathlib import Path

from supervisor.clock import boottime
from supervisor.stall import STALL_WARN
from tests.process.app.conftest import Launch
from tests.process.app.fleet import until

HANG = "import signal, time\nsignal.signal(signal.SIGUSR2, lambda *_: time.sleep(4))\n"


def test_systemd_hears_of_the_start_the_role_the_loop_and_the_stop(launch: Launch, tmp_path: Path) -> None:
    """And nothing while the loop hangs, which is what its watchdog waits for."""
    (tmp_path / "sitecustomize.py").write_text(HANG)
    heard: list[tuple[float, str]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
        manager.bind(str(tmp_path / "notify"))

        def listen() -> None:
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard.extend((boottime(), line) for line in manager.recv(4096).decode().split("\n"))

        def hears(words: str) -> bool:
            listen()
            return any(line == words for _, line in heard)

        def loop_has_hung() -> bool:
            listen()
            fed = [at for at, line in heard if line == "WATCHDOG=1"]
            return max((later - before for before, later in pairwise(fed)), default=0.0) > STALL_WARN

        instance = launch(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000", PYTHONPATH=str(tmp_path))
        until(lambda: hears("READY=1"), instance.output)
        until(lambda: hears("STATUS=ACTIVE, epoch 1"), instance.output)
        until(lambda: hears("WATCHDOG=1"), "the watchdog is fed")
        instance.signal(signal.SIGUSR2)
        until(loop_has_hung, "a gap while the loop hangs, and food again after it")
        assert not hears("STOPPING=1")
        instance.signal_term()
        until(lambda: hears("STOPPING=1"), instance.output)
        assert instance.wait() == 0
        listen()
    lines = [line for _, line in heard]
    assert lines.count("READY=1") == lines.count("STOPPING=1") == 1
