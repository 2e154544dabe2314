"""VIGIL_HOME: where it is, and that it is safe."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.errors import ConfigError
from supervisor.home import blocked_at, create_home, default_home


@pytest.fixture
def open_folder(home: Path) -> Path:
    """A folder that every user can get to."""
    home.chmod(0o755)
    return home


@pytest.fixture
def umask() -> Iterator[None]:
    """The strictest umask while the test runs."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_default_home_is_in_the_current_folder(open_folder: Path) -> None:
    """Anybody finds the data beside the program."""
    assert default_home(open_folder, root=False) == open_folder / ".vigil"
    assert default_home(open_folder, root=True) == open_folder / ".vigil"


def test_root_in_a_closed_folder_gets_a_home_that_others_can_reach(open_folder: Path) -> None:
    """PostgreSQL runs under another uid and could not get through root's folders; each clone has its own home."""
    closed = open_folder / "closed"
    clones = [closed / "one", closed / "two"]
    for clone in clones:
        clone.mkdir(parents=True)
    closed.chmod(0o700)
    homes = [default_home(clone, root=True, shared=Path("/var/lib/vigil")) for clone in clones]
    assert {home.parent for home in homes} == {Path("/var/lib/vigil")}
    assert len(set(homes)) == 2
    assert homes[0] == default_home(clones[0], root=True)
    assert default_home(clones[0], root=False) == clones[0] / ".vigil"


def test_the_first_closed_folder_on_the_way_is_named(open_folder: Path) -> None:
    """An error message can say which folder is in the way."""
    inner = open_folder / "a" / "b"
    inner.mkdir(parents=True)
    (open_folder / "a").chmod(0o750)
    assert blocked_at(inner / "c") == open_folder / "a"
    assert blocked_at(open_folder / "x") is None


def test_a_new_home_is_closed_whatever_the_umask_says(open_folder: Path, umask: None) -> None:
    """Root's home lets the server's user through and shows nothing; a user's home is the user's alone."""
    home = create_home(open_folder / "deep" / "home")
    expected = 0o711 if os.geteuid() == 0 else 0o700
    assert (mode(home), mode(home.parent)) == (expected, expected)


def test_the_modes_of_existing_folders_are_left_alone(open_folder: Path) -> None:
    """Permissions that somebody set are theirs."""
    home = open_folder / "home"
    home.mkdir()
    home.chmod(0o750)
    create_home(home)
    assert (mode(home), mode(open_folder)) == (0o750, 0o755)


def test_a_home_that_everybody_can_write_is_refused(open_folder: Path) -> None:
    """Anybody could put another database there."""
    (open_folder / "home").mkdir()
    (open_folder / "home").chmod(0o777)
    with pytest.raises(ConfigError, match="written by everyone"):
        create_home(open_folder / "home")


def test_a_home_that_is_a_file_is_refused(open_folder: Path) -> None:
    """The message names the path instead of showing a traceback."""
    (open_folder / "home").write_text("")
    with pytest.raises(ConfigError, match="not a folder"):
        create_home(open_folder / "home")
    with pytest.raises(ConfigError, match="Creating VIGIL_HOME"):
        create_home(open_folder / "home" / "inside")
