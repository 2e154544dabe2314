"""A whole instance whose main loop hangs: a short hang costs nothing, a long one brings the standby in."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import Instance, until

HANG = """
import signal, time
def hang_here(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
signal.signal(signal.SIGUSR2, lambda *_: hang_here({seconds}))
"""


@pytest.fixture
def hanging(tmp_path: Path) -> object:
    """Return what must be in an instance's environment for SIGUSR2 to hang its main thread for some seconds."""

    def environment(seconds: float) -> dict[str, str]:
        (tmp_path / "sitecustomize.py").write_text(HANG.format(seconds=seconds))
        return {"PYTHONPATH": str(tmp_path)}

    return environment


def test_a_main_loop_that_hangs_for_three_seconds_costs_a_warning_and_nothing_else(
    launch: Launch, hanging: object
) -> None:
    """Same process, same term; one dump, one count."""
    instance = launch(**hanging(3))  # type: ignore[operator] # the fixture above
    instance.wait_role("ACTIVE")
    instance.signal(signal.SIGUSR2)
    until(lambda: "lifecycle.loop_stalled" in instance.output(), "the warning")
    assert "in hang_here" in instance.output()
    until(lambda: measured(instance, "supervisor_event_loop_stalls_total") == 1, "it is counted")
    status = instance.status()
    assert status is not None
    assert (status["role"], status["epoch"]) == ("ACTIVE", 1), instance.output()[-4000:]
    instance.signal_term()
    assert instance.wait() == 0


def test_a_main_loop_that_hangs_for_a_minute_is_ended_and_the_standby_takes_over(
    launch: Launch, hanging: object
) -> None:
    """Its own keeper's thread would renew for ever; 74, the stacks, and the next term elsewhere."""
    first = launch("one", **hanging(60))  # type: ignore[operator] # the fixture above
    first.wait_role("ACTIVE")
    second = launch("two")
    second.wait_role("PASSIVE")
    first.signal(signal.SIGUSR2)
    second.wait_role("ACTIVE")
    assert first.wait() in {74, -signal.SIGKILL}, "fenced by the watch, unless the kill timer was first"
    assert "in hang_here" in first.output()
    status = second.status()
    assert status is not None
    assert status["epoch"] == 2


def test_sigusr1_shows_tasks_and_threads_of_an_instance_at_work(launch: Launch) -> None:
    """The children by name, and it works on."""
    instance = launch()
    instance.wait_role("ACTIVE")
    instance.signal(signal.SIGUSR1)
    until(lambda: "task child:role" in instance.output(), instance.output)
    assert "task child:pulse" in instance.output()
    assert "Current thread" in instance.output()
    assert instance.role() == "ACTIVE"
    instance.signal_term()
    assert instance.wait() == 0


def measured(instance: Instance, name: str) -> float | None:
    text = httpx.get(f"http://127.0.0.1:{instance.ops_port}/metrics", timeout=10).text
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), None)
