"""What the service manager is told, read from a real datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.sdnotify import Notifier
from telemetry import events
from telemetry.testing import Recorder


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """An address as NOTIFY_SOCKET holds it, and the socket that listens there."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@vigil-test-{os.getpid()}-{id(request)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.bind(address.replace("@", "\0", 1) if request.param == "abstract" else address)
        yield address, sock


def heard(sock: socket.socket) -> list[str]:
    """Return every message that has arrived."""
    found = []
    while True:
        try:
            found.append(sock.recv(4096).decode())
        except BlockingIOError:
            return found


def test_it_tells_when_it_is_ready_and_when_it_stops(manager: tuple[str, socket.socket]) -> None:
    """Both kinds of addresses, each message once."""
    address, sock = manager
    notifier = Notifier.take({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.stopping()
    assert heard(sock) == ["READY=1", "STOPPING=1"]


def test_the_status_is_told_when_it_changes_and_the_watchdog_fed_in_half_its_time(
    manager: tuple[str, socket.socket],
) -> None:
    """Four ticks a second, but a message only when there is something to tell."""
    address, sock = manager
    notifier = Notifier.take({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "4000000", "WATCHDOG_PID": str(os.getpid())})
    notifier.ready()
    for number in range(17):
        notifier.tick(100 + number * 0.25, "PASSIVE" if number < 10 else "ACTIVE")
    assert heard(sock)[1:] == ["STATUS=PASSIVE\nWATCHDOG=1", "WATCHDOG=1", "STATUS=ACTIVE", "WATCHDOG=1"]


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}],
)
def test_a_watchdog_of_somebody_else_is_not_fed(manager: tuple[str, socket.socket], watchdog: dict[str, str]) -> None:
    """It would hide that the process it watches hangs."""
    address, sock = manager
    notifier = Notifier.take({"NOTIFY_SOCKET": address, **watchdog})
    notifier.ready()
    notifier.tick(100.0, "ACTIVE")
    notifier.tick(200.0, "ACTIVE")
    assert heard(sock) == ["READY=1", "STATUS=ACTIVE"]


def test_a_start_that_takes_long_asks_for_time_until_it_is_over(manager: tuple[str, socket.socket]) -> None:
    """A long migration that is killed at TimeoutStartSec would begin anew for ever."""
    address, sock = manager
    notifier = Notifier.take({"NOTIFY_SOCKET": address})
    for second in range(25):
        notifier.tick(100.0 + second, "STARTING")
    asked = [message for message in heard(sock) if "EXTEND_TIMEOUT_USEC=30000000" in message]
    assert len(asked) == 3
    notifier.ready()
    notifier.tick(200.0, "STARTING")
    assert heard(sock) == ["READY=1"]


def test_what_systemd_gave_is_removed_from_the_environment() -> None:
    """A program we start would else speak in our name."""
    environment = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    Notifier.take(environment)
    assert environment == {"PATH": "/bin"}


def test_without_a_service_manager_nothing_happens() -> None:
    """Nothing is sent, nothing is said."""
    with Recorder() as recorder:
        notifier = Notifier.take({})
        notifier.ready()
        notifier.tick(100.0, "ACTIVE")
        notifier.stopping()
    assert recorder.all() == []


def test_a_service_manager_that_does_not_listen_is_an_event_and_no_error(tmp_path: Path) -> None:
    """It is no reason to stop working."""
    with Recorder() as recorder:
        Notifier.take({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    (failed,) = recorder.all(events.NotifyFailed)
    assert isinstance(failed.error, FileNotFoundError)


def test_a_service_manager_that_reads_nothing_blocks_nobody(manager: tuple[str, socket.socket]) -> None:
    """Its queue is full after some hundred messages; the next one is dropped at once."""
    notifier = Notifier.take({"NOTIFY_SOCKET": manager[0]})
    with Recorder() as recorder:
        for _ in range(5000):
            notifier.ready()
            if recorder.all(events.NotifyFailed):
                break
    assert isinstance(recorder.all(events.NotifyFailed)[0].error, BlockingIOError)
