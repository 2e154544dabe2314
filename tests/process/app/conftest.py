"""A sandbox, and as many instances on one database as a test needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.app.fleet import Instance, Sandbox, free_port, until

Launch = Callable[..., Instance]


@pytest.fixture
def sandbox(home: Path) -> Iterator[Sandbox]:
    """A running sandbox whose provider is fast."""
    port = free_port()
    program = Sandbox(
        ("sandbox", "serve"),
        home / "sandbox.log",
        {"VIGIL_HOME": str(home / "home"), "SANDBOX_PORT": str(port)},
        port=port,
    )
    program.start()
    try:
        until(program.answers, f"the sandbox answers:\n{program.output()}")
        yield program
    finally:
        program.end()


@pytest.fixture
def launch(home: Path, database_url: str, sandbox: Sandbox) -> Iterator[Launch]:
    """Return a function that starts an instance; all of a test's instances share database and sandbox."""
    with ExitStack() as stack:

        def start(name: str = "one", **environment: str) -> Instance:
            port = int(environment["PORT"]) if environment.get("PORT", "").isdigit() else free_port()
            ops_port = free_port()
            instance = Instance(
                ("run", "--sandbox"),
                home / f"{name}.log",
                {
                    "VIGIL_HOME": str(home / "home"),
                    "DATABASE_URL": database_url,
                    "PORT": str(port),
                    "OPS_PORT": str(ops_port),
                    "SANDBOX_PORT": str(sandbox.port),
                    "INSTANCE_NAME": name,
                    "LOCK_PROFILE": "fast",
                    "SHUTDOWN_GRACE": "21",
                    **environment,
                },
                port=port,
                ops_port=ops_port,
            )
            stack.callback(instance.end)
            instance.start()
            return instance

        yield start
