"""A whole instance as PID 1 of a container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import Instance, free_port, until
from tests.process.namespace import as_pid_1, child_of

pytestmark = pytest.mark.needs("unshare")


@dataclass
class Contained(Instance):
    """An instance that a PID namespace begins with."""

    prefix: tuple[str, ...] = field(default_factory=as_pid_1)

    def start(self) -> None:
        """Start it behind `unshare`."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "supervisor", *self.arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "LOG_FORMAT": "json", **self.environment},
                cwd=self.log.parent,
            )

    @property
    def first(self) -> int:
        """The process id, as we see it, of its PID 1."""
        return child_of(self.process.pid)


class Contain(Protocol):
    """Starts a contained instance on the database and the sandbox of another one."""

    def __call__(self, beside: Instance) -> Contained: ...


@pytest.fixture
def contain() -> Iterator[Contain]:
    """Start an instance as PID 1 beside another one; it is gone when the test is over."""
    with ExitStack() as stack:

        def start(beside: Instance) -> Contained:
            port, ops_port = free_port(), free_port()
            own = {"PORT": str(port), "OPS_PORT": str(ops_port), "INSTANCE_NAME": "contained"}
            instance = Contained(
                beside.arguments,
                beside.log.with_name("contained.log"),
                beside.environment | own,
                port=port,
                ops_port=ops_port,
            )
            stack.callback(instance.end)
            instance.start()
            return instance

        yield start


def test_docker_stop_drains_it_and_the_exit_code_is_0(launch: Launch, contain: Contain) -> None:
    """The signal goes to PID 1, which passes it on and waits."""
    contained = contain(launch("one"))
    contained.wait_role("PASSIVE")
    os.kill(contained.first, signal.SIGTERM)
    assert contained.wait() == 0, contained.output()[-3000:]
    assert "lifecycle.stopped" in contained.output()


def test_paused_past_its_hard_deadline_it_is_killed_and_the_standby_takes_over(
    launch: Launch, contain: Contain
) -> None:
    """As PID 1 itself it would live on, and wake up as a second ACTIVE."""
    one = launch("one")
    one.wait_role("ACTIVE")
    contained = contain(one)
    contained.wait_role("PASSIVE")
    one.kill()
    contained.wait_role("ACTIVE")
    two = launch("two")
    two.wait_role("PASSIVE")
    os.kill(child_of(contained.first), signal.SIGSTOP)
    assert contained.wait() == 128 + signal.SIGKILL
    assert "killed past the hard deadline" in contained.output()
    two.wait_role("ACTIVE")
    until(lambda: (two.status() or {}).get("epoch") == 3, "the third term")
