"""The stall watch in real processes: what it writes, and when it ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.app.fleet import until

PROGRAM = """
import anyio, sys, threading, time
from supervisor.stall import Pulse
from telemetry import emission, logging

def hang_here(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)

def hang_with_a_stuck_sink(seconds):
    emission.attach("log", lambda event: threading.Event().wait())
    hang_here(seconds)

async def main(limit, at_work, seconds):
    logging.configure(instance_id="one")
    pulse = Pulse(limit, at_work=lambda: at_work, on_tick=lambda now: print("tick", flush=True))
    async with anyio.create_task_group() as group:
        await group.start(lambda task_status: pulse.serve(task_status=task_status))
        await anyio.sleep(0.6)
        {action}
        await anyio.sleep(0.6)
        group.cancel_scope.cancel()
    time.sleep(limit + 1 if seconds else 0)
    print("end", flush=True)

anyio.run(main, float(sys.argv[1]), sys.argv[2] == "work", float(sys.argv[3]))
"""
HANG = "hang_here(seconds)"
HANG_WITH_A_STUCK_SINK = "hang_with_a_stuck_sink(seconds)"
WAIT = "print('ready', flush=True); await anyio.sleep(4)"
DEADLINE = 30.0


def run(action: str, limit: float, role: str, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM.format(action=action), str(limit), role, str(seconds)]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


@pytest.mark.parametrize("role", ["work", "standby"])
def test_a_loop_that_hangs_ends_the_process_with_74_and_the_stacks(role: str) -> None:
    """Whoever looks finds the call that hung, and what to do."""
    done = run(HANG, 1.0, role, 60)
    assert done.returncode == 74
    assert "in hang_here" in done.stderr
    assert "vigil: The main loop has not run for 1." in done.stderr
    assert "\nTry: " in done.stderr
    assert "end" not in done.stdout


def test_a_warning_that_gets_stuck_does_not_hold_up_the_end() -> None:
    """The call that hangs may hold the log's lock: then the warning waits for ever, the watch must not."""
    done = run(HANG_WITH_A_STUCK_SINK, 3.0, "work", 60)
    assert done.returncode == 74
    assert "in hang_here" in done.stderr
    assert "in _warn" in done.stderr, "the warning waits still"


def test_a_short_hang_is_told_once_and_nothing_else_happens() -> None:
    """All stacks at two seconds, one line in the log, the loop goes on; after the pulse has ended nobody watches."""
    done = run(HANG, 5.0, "work", 3)
    assert done.returncode == 0
    assert done.stdout.endswith("end\n")
    assert done.stderr.count("Thread 0x") >= 2
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    (stalled,) = [line for line in lines if line["event"] == "lifecycle.loop_stalled"]
    assert stalled["fields"]["seconds"] >= 2.0
    assert stalled["fields"]["stacks"].startswith("thread MainThread\n")
    assert "in hang_here" in stalled["fields"]["stacks"]


def test_a_full_pipe_on_standard_error_does_not_hold_up_the_end(full_pipe: int) -> None:
    """Nobody reads it any more: the stacks are lost, the promise is kept."""
    command = [sys.executable, "-c", PROGRAM.format(action=HANG), "1", "work", "60"]
    assert subprocess.run(command, stderr=full_pipe, check=False, timeout=DEADLINE).returncode == 74


@pytest.fixture
def start(tmp_path: Path) -> Callable[[str], subprocess.Popen[bytes]]:
    """Start the program with a limit of one second; its words go to files `1.out`, `1.err` and so on."""
    numbers = iter(range(1, 100))

    def begin(role: str) -> subprocess.Popen[bytes]:
        number = next(numbers)
        command = [sys.executable, "-c", PROGRAM.format(action=WAIT), "1", role, "0"]
        with (tmp_path / f"{number}.out").open("wb") as out, (tmp_path / f"{number}.err").open("wb") as err:
            return subprocess.Popen(command, stdout=out, stderr=err)

    return begin


def test_work_that_was_paused_beyond_the_limit_never_ticks_again(
    start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Whether the loop or the thread wakes first: it ends with 74 before a tick could let the keeper renew."""
    processes = [start("work") for _ in range(6)]
    outputs = [tmp_path / f"{number}.out" for number in range(1, 7)]
    paused = pause(processes, outputs)
    for process, output, before in zip(processes, outputs, paused, strict=True):
        assert process.wait(DEADLINE) == 74
        assert output.read_text() == before, "it went on"


def test_a_standby_that_was_paused_goes_on_without_a_word(
    start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """It holds nothing, and ending it would take the standby away."""
    processes = [start("standby") for _ in range(3)]
    outputs = [tmp_path / f"{number}.out" for number in range(1, 4)]
    pause(processes, outputs)
    for process, output in zip(processes, outputs, strict=True):
        assert process.wait(DEADLINE) == 0
        assert output.read_text().endswith("end\n")
        assert output.with_suffix(".err").read_text() == ""


def pause(processes: list[subprocess.Popen[bytes]], outputs: list[Path]) -> list[str]:
    """Stop all of them for twice the limit; return what each had said by then."""
    for output in outputs:
        until(lambda output=output: "ready" in output.read_text(), "it runs")  # type: ignore[misc] # bound here
    for process in processes:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    said = [output.read_text() for output in outputs]
    time.sleep(2.0)  # the pause itself is what is tested
    for process in processes:
        process.send_signal(signal.SIGCONT)
    return said
