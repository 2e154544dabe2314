"""What the embedded server is to its users: durable, private, and itself."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from supervisor.database import connected
from supervisor.embedded import DURABLE, at_hand, binaries
from supervisor.errors import ConfigError
from telemetry import events, testing

DEADLINE = 20.0
MakeServer = Callable[..., Any]


def test_the_server_keeps_its_data_over_a_restart(make_server: MakeServer, outside: Any) -> None:
    """A clean stop and a new start: the same database, no recovery needed."""
    server = make_server(DURABLE)
    with testing.record() as recorded:
        with server.running():
            outside.ask(server.url, "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)", "SELECT 1")
        with server.running():
            assert outside.ask(server.url, "SELECT id FROM kept") == 7
    stopped = recorded.all(events.EmbeddedStopped)
    assert [event.mode for event in stopped] == ["fast", "fast"]
    assert recorded.all(events.EmbeddedStarted)[0].version.split(".")[0] == "18"


def test_the_bots_user_owns_its_database_and_is_no_superuser(used: Any, outside: Any) -> None:
    """As on a managed server: what works here works there."""
    with used.running() as server:
        assert outside.ask(server.url, "SELECT current_user") == "vigil"
        assert (
            outside.ask(server.url, "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user")
            is False
        )
        assert outside.ask(server.url, "CREATE TABLE a (id int)", "SELECT count(*) FROM a") == 0


def test_the_production_profile_is_durable_and_listens_on_no_port(used: Any, outside: Any) -> None:
    """What was committed survives a power cut, and only this user can connect."""
    with used.running() as server:
        shown = {
            name: outside.ask(server.url, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        }
        assert set(shown.values()) == {"on"}
        assert outside.ask(server.url, "SHOW listen_addresses") == ""
        assert outside.ask(server.url, "SHOW data_checksums") == "on"
        assert stat.S_IMODE(server.embedded.room.socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.embedded.room.log.stat().st_mode) == 0o600


def test_settings_of_the_environment_do_not_reach_the_server(used: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PGPORT or PGDATA meant for another server neither moves nor breaks ours."""
    for name, value in {"PGPORT": "1", "PGDATA": "/nonexistent", "PGOPTIONS": "-c nonsense=1", "SECRET": "x"}.items():
        monkeypatch.setenv(name, value)
    with used.running() as server:
        environment = Path(f"/proc/{server.pid}/environ").read_bytes()
        assert b"SECRET" not in environment
        assert b"PGOPTIONS" not in environment


def test_the_server_has_a_session_of_its_own(used: Any) -> None:
    """A Ctrl-C in the terminal must not stop the server before the supervisor has drained."""
    with used.running() as server:
        assert os.getsid(server.pid) == server.pid != os.getsid(0)


def test_serving_alone_prints_the_address_and_ends_with_0(home: Path, outside: Any) -> None:
    """SIGTERM ends it in order: exit 0, no server left."""
    with outside.alone(home) as (program, url):
        assert outside.ask(url, "SELECT current_database()") == "vigil"
        pid = outside.postmaster_pid(home)
        program.send_signal(signal.SIGTERM)
        assert program.wait(DEADLINE) == 0
    assert not outside.alive(pid)


def test_two_programs_share_the_server_of_one(home: Path, outside: Any) -> None:
    """While one serves the home, a command that needs the database uses that server and leaves it running."""
    command = (
        "import anyio, asyncpg, sys\nfrom pathlib import Path\nfrom supervisor.embedded import at_hand\n"
        "async def main():\n async with at_hand(Path(sys.argv[1])) as url:\n"
        "  c = await asyncpg.connect(url); print(await c.fetchval('SELECT 6 * 7')); await c.close()\n"
        "anyio.run(main)"
    )
    run = [sys.executable, "-c", command, str(home)]
    with outside.alone(home) as (program, url):
        assert subprocess.check_output(run, text=True, timeout=DEADLINE) == "42\n"
        assert outside.ask(url, "SELECT 1") == 1
        pid = outside.postmaster_pid(home)
        program.send_signal(signal.SIGTERM)
        program.wait(DEADLINE)
    assert subprocess.check_output(run, text=True, timeout=DEADLINE) == "42\n"
    assert not outside.alive(pid)
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


async def test_three_who_need_the_database_at_once_share_one_server(
    home: Path, eventually: Callable[..., Awaitable[Any]]
) -> None:
    """Whoever comes first starts it, the others wait until it is ready, whatever it has to create first."""
    answers: list[int] = []

    async def need() -> None:
        async with at_hand(home) as url, connected(url, application_name="test") as connection:
            answers.append(await connection.fetchval("SELECT 1"))
            await all_asked.wait()

    all_asked = anyio.Event()
    with testing.record() as recorded:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(need)
            await eventually(lambda: len(answers) == 3, DEADLINE)
            all_asked.set()
    assert len(recorded.all(events.EmbeddedStarted)) == 1


def test_a_home_with_a_long_path_gets_its_socket_elsewhere(make_server: MakeServer, home: Path, outside: Any) -> None:
    """The kernel takes 107 bytes; the other folder is private, and gone after the stop."""
    deep = home / ("d" * 90)
    deep.mkdir(mode=0o711)
    with make_server(at=deep).running() as server:
        folder = server.embedded.room.socket_folder
        assert not folder.is_relative_to(home)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert outside.ask(server.url, "SELECT 1") == 1
    assert not folder.exists()


def test_the_systems_postgresql_is_used_where_the_wheel_is_absent(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch, outside: Any
) -> None:
    """The launcher does not depend on one package; Debian's programs do as well."""
    monkeypatch.setattr(binaries, "_from_wheel", list)
    try:
        found = binaries.find()
    except ConfigError:
        # The way out for machines without the wheel, which need not have it beside the wheel.
        pytest.skip("no PostgreSQL of the system below /usr/lib/postgresql")
    with make_server().running() as server:
        assert outside.ask(server.url, "SHOW server_version_num")[:2] == str(found.major)


def test_a_machine_without_programs_is_told_every_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint names DATABASE_URL, the extra and Debian's package."""
    monkeypatch.setattr(binaries, "_from_wheel", list)
    monkeypatch.setattr(binaries, "SYSTEM", Path("/nonexistent"))
    with pytest.raises(ConfigError) as refusal:
        binaries.find()
    assert all(way in str(refusal.value.hint) for way in ("DATABASE_URL", "vigil[embedded]", "postgresql package"))


def test_the_command_on_a_held_home_ends_with_69_and_one_line_of_advice(used: Any) -> None:
    """A second `vigil db serve` prints the address of the first, and no traceback."""
    with used.running() as first:
        done = subprocess.run(
            [sys.executable, "-m", "supervisor", "db", "serve"],
            env=os.environ | {"VIGIL_HOME": str(first.embedded.home)},
            cwd=first.embedded.home,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 69
        assert f"Try: DATABASE_URL={first.url} to share it" in done.stderr
        assert "Traceback" not in done.stderr
