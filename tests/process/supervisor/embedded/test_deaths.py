"""Whom the embedded server survives, who survives it, and what a crash leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from supervisor.embedded import DURABLE, HomeHeld, PostgresEnded
from supervisor.errors import ConfigError, ExitCode, Unavailable
from telemetry import events, testing

ROOT = os.geteuid() == 0
DEADLINE = 20.0
MakeServer = Callable[..., Any]


def test_a_second_run_on_one_home_is_refused_with_the_address(
    used: Any, server_at: Callable[..., Any], outside: Any
) -> None:
    """Exit code 69, who holds it, and how to share it; the first server does not notice."""
    with used.running() as first:
        pid = first.pid
        with (
            pytest.raises(HomeHeld, match=f"in use by process {os.getpid()}") as refusal,
            server_at(first.embedded.home, DURABLE).running(),
        ):
            pass
        assert refusal.value.exit_code is ExitCode.UNAVAILABLE
        assert f"DATABASE_URL={first.url}" in str(refusal.value.hint)
        assert (first.pid, outside.ask(first.url, "SELECT 1")) == (pid, 1)


def test_killing_the_supervisor_ends_the_server_and_keeps_the_data(
    make_server: MakeServer, home: Path, outside: Any
) -> None:
    """Kill -9 of the parent leaves no orphan, and the next start finds everything."""
    with outside.alone(home) as (program, url):
        outside.ask(url, "CREATE TABLE kept AS SELECT 7 AS id", "SELECT 1")
        pid = outside.postmaster_pid(home)
        assert os.getsid(pid) != os.getsid(program.pid)
        program.send_signal(signal.SIGKILL)
        outside.until(lambda: not outside.alive(pid), seconds=5)
    with make_server(DURABLE).running() as server:
        assert outside.ask(server.url, "SELECT id FROM kept") == 7


def test_a_restart_waits_for_the_orphan_of_a_killed_supervisor(
    make_server: MakeServer, home: Path, outside: Any
) -> None:
    """The old server may need a moment for its last checkpoint; the new start neither fails nor disturbs it."""
    with outside.alone(home) as (program, _):
        pid = outside.postmaster_pid(home)
        os.kill(pid, signal.SIGSTOP)
        program.send_signal(signal.SIGKILL)
        program.wait(DEADLINE)
        with subprocess.Popen(["/bin/sh", "-c", f"sleep 0.7; kill -CONT {pid}"]), make_server(DURABLE).running() as new:
            assert not outside.alive(pid)
            assert new.pid != pid


def test_a_killed_server_is_noticed_and_recovers_with_every_commit(make_server: MakeServer, outside: Any) -> None:
    """Kill -9 of PostgreSQL under writers: `serve` raises, and after the restart every acknowledged row is there."""
    server = make_server(DURABLE)
    acknowledged = 0
    with testing.record() as recorded:
        for _ in range(3):
            with server.running():
                outside.ask(server.url, "CREATE TABLE IF NOT EXISTS log (n int)", "SELECT 1")
                assert outside.ask(server.url, "SELECT count(*) FROM log") >= acknowledged
                acknowledged = outside.ask(server.url, "SELECT count(*) FROM log") + asyncio.run(
                    write_until_killed(server)
                )
                failure = server.failure()
                assert isinstance(failure, PostgresEnded)
                assert "ended with -9" in str(failure)
    assert [event.mode for event in recorded.all(events.EmbeddedStopped)] == ["died"] * 3


def test_a_stale_pid_file_does_not_cost_an_innocent_process_its_life(used: Any, data: Path, outside: Any) -> None:
    """After a crash the recorded pid may be somebody else's, even of the same user: it stays untouched, we start."""
    with used.running() as server:
        whole = (data / "postmaster.pid").read_text()
        user = Path(f"/proc/{server.pid}").stat().st_uid
    drop = {"user": user, "group": user, "extra_groups": []} if ROOT else {}
    with subprocess.Popen(["/bin/sleep", "600"], **drop) as innocent:  # type: ignore[call-overload] # the options are right
        try:
            for stale in (data / "postmaster.pid", data.parent / "socket" / ".s.PGSQL.5432.lock"):
                stale.write_text(f"{innocent.pid}\n" + whole.partition("\n")[2])
            with server.running():
                assert outside.ask(server.url, "SELECT 1") == 1
            assert innocent.poll() is None
        finally:
            innocent.kill()


@pytest.mark.parametrize("text", ["", "123"])
def test_a_pid_file_cut_short_does_not_stop_the_start(used: Any, data: Path, text: str, outside: Any) -> None:
    """A crash while starting leaves such a file."""
    (data / "postmaster.pid").write_text(text)
    with used.running() as server:
        assert outside.ask(server.url, "SELECT 1") == 1


def test_a_server_that_somebody_else_started_is_left_alone(
    used: Any, monkeypatch: pytest.MonkeyPatch, outside: Any
) -> None:
    """It is refused by pid, even when it was started with another spelling of the folder; it goes on working."""
    monkeypatch.setattr("supervisor.embedded.server.ALONE_SECONDS", 0.3)
    with used.running() as server:
        user = Path(f"/proc/{server.pid}").stat().st_uid
        program = str(Path(f"/proc/{server.pid}/exe").readlink())
    room = server.embedded.room
    drop = {"user": user, "group": user, "extra_groups": []} if ROOT else {}
    command = [program, "-D", ".", "-k", str(room.socket_folder), "-h", ""]
    with subprocess.Popen(command, cwd=room.data, stderr=subprocess.DEVNULL, **drop) as foreign:  # type: ignore[call-overload] # as above
        try:
            outside.until((room.socket_folder / ".s.PGSQL.5432").exists)
            with pytest.raises(Unavailable, match=f"did not start .pid {foreign.pid}"), server.running():
                pass
            assert foreign.poll() is None
            assert outside.ask(server.url, "SELECT 1") == 1
        finally:
            foreign.send_signal(signal.SIGQUIT)
            foreign.wait(DEADLINE)


def test_a_data_folder_of_another_major_is_refused(used: Any, data: Path) -> None:
    """Exit code 78, both majors, and nothing is started or changed."""
    version = data / "PG_VERSION"
    ours = version.read_text()
    version.write_text("12\n")
    with pytest.raises(ConfigError, match=r"made by PostgreSQL 12; .*18") as refusal, used.running():
        pass
    assert refusal.value.exit_code is ExitCode.CONFIG
    assert version.read_text() == "12\n"
    version.write_text(ours)


def test_a_folder_with_something_else_in_it_is_refused(make_server: MakeServer, home: Path) -> None:
    """It might be somebody's; it is neither used nor emptied."""
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "letters.txt").write_text("dear")
    with pytest.raises(ConfigError, match="not empty and not a PostgreSQL data folder"), make_server().running():
        pass
    assert (data / "letters.txt").read_text() == "dear"


def test_an_interrupted_creation_is_started_over(make_server: MakeServer, home: Path, outside: Any) -> None:
    """Half a data folder has another name, and goes at the next start."""
    half = home / "postgres" / "initdb-half"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with make_server().running() as server:
        assert outside.ask(server.url, "SELECT 1") == 1
    assert not half.exists()


def test_a_server_that_does_not_react_is_killed_in_time(
    used: Any, monkeypatch: pytest.MonkeyPatch, outside: Any
) -> None:
    """A shutdown has a deadline even when the server hangs; recovery makes up for it."""
    server = used
    monkeypatch.setattr(server.embedded, "stop_seconds", 1.0)
    with testing.record() as recorded:
        try:
            with server.running():
                pid = server.pid
                os.kill(pid, signal.SIGSTOP)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        (stopped,) = recorded.all(events.EmbeddedStopped)
        assert stopped.mode == "killed"
        assert stopped.seconds < 2
        with server.running():
            assert outside.ask(server.url, "SELECT 1") == 1


def test_a_broken_setting_is_reported_with_the_servers_own_words(used: Any, data: Path) -> None:
    """A server that ends while starting is not waited for; the end of its log is in the message."""
    conf = data / "postgresql.conf"
    ours = conf.read_text()
    conf.write_text("nonsense = 1\n")
    with pytest.raises(PostgresEnded, match="unrecognized configuration parameter"), used.running():
        pass
    conf.write_text(ours)


async def write_until_killed(server: Any) -> int:
    """Insert from four connections, kill the server in the middle, return how many inserts were acknowledged."""
    acknowledged = 0

    async def write(connection: Any) -> None:
        nonlocal acknowledged
        while True:
            await connection.execute("INSERT INTO log VALUES (1)")
            acknowledged += 1
            if acknowledged == 40:
                os.kill(server.pid, signal.SIGKILL)

    connections = [await asyncpg.connect(server.url, timeout=10) for _ in range(4)]
    await asyncio.gather(*(write(connection) for connection in connections), return_exceptions=True)
    for connection in connections:
        connection.terminate()
    return acknowledged
