"""Checks of the machine, with what the machine says as a parameter."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from supervisor.doctor import machine
from supervisor.errors import ConfigError


def test_a_second_owner_of_one_of_our_names_is_found_and_named() -> None:
    """`supervisor` is also supervisord's package; installed side by side, each overwrites the other's files."""
    assert machine.names({"supervisor": ["vigil"], "bot": ["vigil", "vigil"]}).result == "ok"
    clash = machine.names({"supervisor": ["vigil", "supervisord"]})
    assert clash.result == "failed"
    assert "supervisord" in clash.found


def test_this_environment_has_no_clash() -> None:
    """The real look does not fail where all is well."""
    assert machine.names().result == "ok"


def test_a_clock_that_stands_still_or_goes_back_is_found() -> None:
    """Every deadline of the lock counts on it."""
    assert machine.clock().result == "ok"
    assert machine.clock(lambda: 7.0, spins=10).result == "failed"
    back = iter([7.0, 6.0])
    assert machine.clock(lambda: next(back)).result == "failed"
    forth = count(1.0)
    assert machine.clock(lambda: next(forth)).result == "ok"


def test_a_home_that_everyone_can_write_to_fails(home: Path) -> None:
    """Whoever can write there can be the bot."""
    assert machine.home(home).result == "ok"
    assert machine.home(home / "new").result == "ok"
    home.chmod(0o777)
    assert machine.home(home).result == "failed"


@pytest.mark.parametrize(("free", "result"), [(5_000_000_000, "ok"), (500_000_000, "warning"), (50_000_000, "failed")])
def test_a_full_disk_is_told_before_it_is_full(home: Path, free: int, result: str) -> None:
    """PostgreSQL stops when it cannot write."""
    assert machine.home(home, free=free).result == result


def test_a_file_is_no_home(home: Path) -> None:
    """And it is said so, instead of failing later with a traceback."""
    (home / "file").touch()
    assert machine.home(home / "file").result == "failed"


def test_the_kill_timer_is_tried_and_leaves_nothing_behind() -> None:
    """This process survives the check."""
    assert machine.kill_timer().result == "ok"


@pytest.mark.parametrize("failure", [OSError(errno.EPERM, "not permitted"), ConfigError("this process is PID 1")])
def test_a_kernel_without_the_timer_is_told(failure: Exception) -> None:
    """A sandboxed kernel may refuse it, and process 1 would ignore the signal."""

    def refuse() -> None:
        raise failure

    found = machine.kill_timer(refuse)
    assert found.result == "failed"
    assert str(failure) in found.found


def _platforms() -> Iterator[tuple[dict[str, str], bool, float, str]]:
    yield {"RENDER": "true"}, True, 30, "ok"
    yield {"RENDER": "true"}, True, 60, "warning"
    yield {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False, 40, "warning"
    yield {}, True, 30, "warning"
    yield {"INVOCATION_ID": "abc"}, False, 30, "ok"
    yield {}, False, 30, "skip"


@pytest.mark.parametrize(("environ", "in_docker", "grace", "result"), list(_platforms()))
def test_a_grace_that_the_platform_does_not_give_is_told(
    environ: dict[str, str], in_docker: bool, grace: float, result: str
) -> None:
    """Killed in the middle of its shutdown, an instance leaves its lease to run out."""
    assert machine.grace(grace, environ, in_docker=in_docker).result == result
