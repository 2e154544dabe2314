"""The sandbox as a process: started once, shared, stopped only by its own home."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, suppress
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path

import anyio
import pytest

from bot.sandbox.client import connected
from supervisor.app import sandbox, sandbox_process, sandbox_share
from supervisor.errors import ConfigError, ExitCode, Unavailable

PYTHON = [sys.executable, "-m", "supervisor", "sandbox"]


@pytest.fixture
def port() -> int:
    """A port that nobody uses."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        number: int = taken.getsockname()[1]
        return number


@pytest.fixture
async def started(home: Path, port: int) -> AsyncIterator[sandbox.Running]:
    """A sandbox that `ensure` started, stopped at the end whatever happened."""
    running = await sandbox.ensure(home, port)
    try:
        yield running
    finally:
        with anyio.CancelScope(shield=True):
            await sandbox.stop(home)


@pytest.fixture
def foreign(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A sandbox that someone runs by hand."""
    with subprocess.Popen(
        [*PYTHON, "serve"],
        env=environment(home, port),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert b"chat page" in process.stdout.readline()
        yield process
        process.kill()


def environment(home: Path, port: int) -> dict[str, str]:
    """Return the environment of a command on this home and port."""
    return os.environ | {"VIGIL_HOME": str(home), "SANDBOX_PORT": str(port), "LOG_FORMAT": "json"}


def processes_told(setting: str) -> list[int]:
    """Return the processes that were started with this in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if setting.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


async def test_ensure_starts_a_process_in_a_session_of_its_own_and_stop_ends_it(
    home: Path, port: int, started: sandbox.Running
) -> None:
    """It would outlive us; stopped, it is gone with its pid file, and a second stop finds nothing."""
    assert started.started
    assert os.getsid(started.pid) == started.pid
    assert sandbox_process.owned(home) == started.pid
    assert await sandbox.stop(home)
    assert not (home / "sandbox" / "pid").exists()
    assert await sandbox_process.probe(port) is None
    assert not await sandbox.stop(home)


async def test_a_later_daemon_uses_and_stops_what_an_earlier_one_of_its_home_left(
    home: Path, port: int, started: sandbox.Running
) -> None:
    """The pid file, not memory, says that it is ours."""
    again = await sandbox.ensure(home, port)
    assert (again.pid, again.started) == (started.pid, False)
    assert await sandbox.stop(home)


async def test_a_foreign_sandbox_is_used_and_left_alone(
    home: Path, port: int, foreign: subprocess.Popen[bytes]
) -> None:
    """Also when it works on our own home: someone started it by hand."""
    running = await sandbox.ensure(home, port)
    assert (running.pid, running.started) == (foreign.pid, False)
    assert not await sandbox.stop(home)
    assert await sandbox_process.probe(port) == foreign.pid


async def test_stop_never_touches_a_process_that_only_bears_the_number(home: Path) -> None:
    """A stale pid file names an innocent process: wrong start time, or another command."""
    async with await anyio.open_process(["sleep", "60"]) as innocent:
        (home / "sandbox").mkdir()
        for began in ("1", sandbox_process._started(innocent.pid)):
            (home / "sandbox" / "pid").write_text(json.dumps({"pid": innocent.pid, "started": began}))
            assert not await sandbox.stop(home)
            assert innocent.returncode is None
        innocent.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}'])
async def test_a_broken_pid_file_stops_nothing(home: Path, text: str) -> None:
    """Nothing is guessed."""
    (home / "sandbox").mkdir()
    (home / "sandbox" / "pid").write_text(text)
    assert not await sandbox.stop(home)


async def test_a_killed_sandbox_is_started_again_with_its_chats(
    home: Path, port: int, started: sandbox.Running
) -> None:
    """Kill -9 loses nothing that was answered."""
    async with connected(started.address) as client:
        await client.write("remember me", 1001)
        os.kill(started.pid, signal.SIGKILL)
        await anyio.to_thread.run_sync(os.waitpid, started.pid, 0)
        again = await sandbox.ensure(home, port)
        assert again.started
        assert [message["text"] for message in (await client.chat(1001))["messages"]] == ["remember me"]


async def test_the_last_daemon_of_a_home_stops_its_sandbox(home: Path, port: int) -> None:
    """Whoever leaves earlier would take it away from the others."""
    async with sandbox_share.shared(home, port):
        pid = sandbox_process.owned(home)
        assert pid is not None
        async with sandbox_share.shared(home, port):
            assert sandbox_process.owned(home) == pid
        assert await sandbox_process.probe(port) == pid
    assert await sandbox_process.probe(port) is None


async def test_daemons_that_start_at_once_start_one_sandbox(home: Path, port: int) -> None:
    """Two would fight for the port and the home, and the loser's daemon would give up."""
    pids: list[int] = []
    everyone = anyio.Event()

    async def use() -> None:
        async with sandbox_share.shared(home, port) as running:
            pids.append(running.pid)
            if len(pids) == 3:
                everyone.set()
            await everyone.wait()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(use)
    assert len(set(pids)) == 1
    assert "already works" not in (home / "sandbox" / "log").read_text()


async def test_a_daemon_waits_while_another_one_stops_the_sandbox(home: Path, port: int) -> None:
    """Used in its last moments, it would be gone right after."""
    (home / "sandbox").mkdir()
    with (home / "sandbox" / "daemons").open("w") as stopping:
        flock(stopping, LOCK_EX)
        with anyio.move_on_after(0.2):
            async with sandbox_share.shared(home, port):
                pytest.fail("it did not wait")
        flock(stopping, LOCK_UN)
        async with sandbox_share.shared(home, port) as running:
            assert running.started


async def test_a_start_that_is_cancelled_leaves_no_process(
    home: Path, port: int, eventually: Callable[..., Awaitable[object]]
) -> None:
    """A stop that comes while the sandbox starts must not leave one behind that nobody knows of."""
    async with anyio.create_task_group() as group:
        group.start_soon(sandbox.ensure, home, port)
        await eventually(lambda: processes_told(f"SANDBOX_PORT={port}"))
        group.cancel_scope.cancel()
    assert processes_told(f"SANDBOX_PORT={port}") == []


@pytest.mark.parametrize("taken", ["sandbox", "sandbox/log", "sandbox/daemons"])
async def test_a_home_in_which_no_sandbox_can_be_is_refused(home: Path, port: int, taken: str) -> None:
    """One line and exit code 78 instead of a traceback."""
    if taken == "sandbox":
        (home / taken).write_text("")
    else:
        (home / taken).mkdir(parents=True)
    with pytest.raises(ConfigError, match="sandbox"):
        async with sandbox_share.shared(home, port):
            pytest.fail("it started")


async def test_a_port_taken_by_something_else_is_unavailable(home: Path) -> None:
    """Exit 69 with a hint, for `ensure` and for `serve`."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match="no sandbox") as caught:
            await sandbox.ensure(home, port)
        assert caught.value.exit_code == ExitCode.UNAVAILABLE
        with pytest.raises(Unavailable, match="could not listen"):
            await sandbox.serve(home, port)


async def test_two_sandboxes_on_one_home_are_refused(home: Path, port: int, foreign: subprocess.Popen[bytes]) -> None:
    """Another port makes no difference: they would write the same file."""
    with pytest.raises(Unavailable, match="Another sandbox already works"):
        await sandbox.serve(home, 0)
    assert foreign.poll() is None


async def test_sigterm_ends_serve_with_0(home: Path, foreign: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does."""
    foreign.send_signal(signal.SIGTERM)
    assert await anyio.to_thread.run_sync(foreign.wait, 10) == 0


async def test_a_sandbox_that_cannot_start_says_why(home: Path, port: int) -> None:
    """Its last words are in the error, not only in its log."""
    (home / "sandbox").mkdir()
    (home / "sandbox" / "state.sqlite3").write_text(
        "this is no database, and too long to be taken for an empty one" * 9
    )
    with pytest.raises(Unavailable, match="ended before it answered") as caught:
        await sandbox.ensure(home, port)
    assert "file is not a database" in str(caught.value)
