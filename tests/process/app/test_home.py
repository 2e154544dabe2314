"""One machine, no settings: the embedded PostgreSQL and the sandbox live and end with their home's daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from supervisor.app import sandbox_process
from tests.process.app.fleet import Instance, Program, Sandbox, free_port, until


@pytest.fixture
def alone(home: Path) -> Iterator[Instance]:
    """An instance that has nothing but its home."""
    instance = alone_in(home, "one")
    yield instance
    instance.end()
    # A daemon that was killed leaves its sandbox, as it should; the test does not.
    anyio.run(sandbox_process.stop, home / "home")


def alone_in(home: Path, name: str, sandbox_port: str = "", **environment: str) -> Instance:
    port, ops_port = free_port(), free_port()
    ports = {"PORT": str(port), "OPS_PORT": str(ops_port), "SANDBOX_PORT": sandbox_port or str(free_port())}
    return Instance(
        ("run", "--sandbox"),
        home / f"{name}.log",
        {"VIGIL_HOME": str(home / "home"), "LOCK_PROFILE": "fast", **ports, **environment},
        port=port,
        ops_port=ops_port,
    )


def sandbox_of(instance: Instance) -> Sandbox:
    return Sandbox((), instance.log, {}, port=int(instance.environment["SANDBOX_PORT"]))


def servers_in(home: Path) -> list[int]:
    """Return the processes whose command line names this home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(home).encode() in words and b"postgres" in words:
                found.append(int(entry.name))
    return found


@pytest.mark.timeout(120)
def test_a_killed_daemon_leaves_no_server_but_its_sandbox_and_finds_everything_again(
    alone: Instance, home: Path
) -> None:
    """After kill -9 the database is gone with its parent, the chat is still there; a clean stop ends both."""
    alone.start()
    alone.wait_role("ACTIVE")
    sandbox = sandbox_of(alone)
    sandbox.write("/start")
    sandbox.wait_for("the welcome", lambda message: "20" in message["text"])
    alone.kill()
    until(lambda: not servers_in(home), "the embedded server ends with its parent")
    assert sandbox.answers(), "the sandbox outlives a crash of the daemon"

    alone.start()
    alone.wait_role("ACTIVE")
    assert "taking over in" in alone.output()
    sandbox.write("/balance")
    until(lambda: len(sandbox.messages()) == 2, "an answer after the restart")
    alone.signal_term()
    assert alone.wait() == 0, alone.output()[-3000:]
    assert not sandbox.answers(), "a clean stop ends the sandbox of this home"
    assert servers_in(home) == []


@pytest.mark.timeout(120)
def test_a_second_run_on_one_home_is_refused_and_told_how_to_share(alone: Instance, home: Path) -> None:
    """Two servers on one data folder would destroy it; the message holds the address to share."""
    alone.start()
    alone.wait_role("ACTIVE")
    second = alone_in(home, "two", sandbox_port=alone.environment["SANDBOX_PORT"])
    second.start()
    assert second.wait() == 69
    assert "Try: DATABASE_URL=" in second.output()
    assert "Traceback" not in second.output()
    assert alone.role() == "ACTIVE"
    assert sandbox_of(alone).answers(), "the sandbox is the first one's"


@pytest.mark.timeout(120)
def test_a_killed_embedded_server_is_started_again_and_the_chat_goes_on(alone: Instance, home: Path) -> None:
    """The database is a child like any other."""
    alone.start()
    alone.wait_role("ACTIVE")
    postmaster = (home / "home" / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]
    os.kill(int(postmaster), 9)
    until(lambda: "children.backoff" in alone.output(), "the loss is noticed")
    alone.wait_role("ACTIVE")
    sandbox = sandbox_of(alone)
    sandbox.write("/balance")
    sandbox.wait_for("an answer", lambda message: "credits" in message["text"])


@pytest.mark.timeout(120)
def test_db_serve_lends_one_server_to_several_instances_that_share_a_sandbox(home: Path) -> None:
    """As in the README: stop the first and the chat goes on; the last one out stops the sandbox of the home."""
    server = Program(("db", "serve"), home / "db.log", {"VIGIL_HOME": str(home / "home")})
    server.start()
    try:
        until(lambda: "DATABASE_URL=" in server.output(), "the address")
        url = server.output().partition("DATABASE_URL=")[2].split()[0].strip("'\"")
        first = alone_in(home, "one", DATABASE_URL=url)
        sandbox = sandbox_of(first)
        second = alone_in(home, "two", sandbox_port=str(sandbox.port), DATABASE_URL=url)
        for instance, role in ((first, "ACTIVE"), (second, "PASSIVE")):
            instance.start()
            instance.wait_role(role)
        first.signal_term()
        assert first.wait() == 0
        second.wait_role("ACTIVE")
        sandbox.write("/balance")
        sandbox.wait_for("an answer", lambda message: "credits" in message["text"])
        second.signal_term()
        assert second.wait() == 0
        assert not sandbox.answers()
        refused = alone_in(home, "three")
        refused.start()
        assert refused.wait() == 69
        assert url in refused.output()
    finally:
        server.signal_term()
        assert server.wait() == 0
