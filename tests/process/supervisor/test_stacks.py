"""SIGUSR1 in real processes: all stacks, and nothing else changes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.app.fleet import until

PROGRAM = """
import anyio, itertools, sys, threading
from supervisor import stacks
stacks.dump_on_signal()

async def fetch_here():
    await anyio.sleep_forever()

async def work_here():
    await fetch_here()

def wait_here(seen):
    print("ready", flush=True)
    seen.wait()

def hang_here():
    # One call of C code that never lets Python run, in any thread.
    print("ready", flush=True)
    sum(itertools.repeat(1, 10**15))

async def main():
    async with anyio.create_task_group() as group:
        group.start_soon(work_here, name="fetcher")
        await anyio.sleep(0)
        threading.Thread(target=wait_here, args=(threading.Event(),), name="helper", daemon=True).start()
        await anyio.to_thread.run_sync(sys.stdin.readline)
        group.cancel_scope.cancel()

{run}
print("end", flush=True)
"""
IN_THE_LOOP = "anyio.run(main)"
BLOCKED = "hang_here()"
WITHOUT_A_LOOP = "print('ready', flush=True); sys.stdin.readline()"
AT_THE_END = """
import os, signal
class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGUSR1):
        kill(pid, number)
sys.last = Last()
print('ready', flush=True)
sys.stdin.readline()
"""


@contextmanager
def running(run: str, log: Path) -> Iterator[subprocess.Popen[str]]:
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM.replace("{run}", run)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[str]) -> None:
    """Let it go on, and see that it does."""
    assert process.communicate("\n", timeout=20)[0] == "end\n"
    assert process.returncode == 0


def test_it_shows_every_thread_and_every_task_with_what_it_waits_for(tmp_path: Path) -> None:
    """Twice in a row, and the process goes on."""
    log = tmp_path / "log"
    with running(IN_THE_LOOP, log) as process:
        for times in (1, 2):
            process.send_signal(signal.SIGUSR1)
            until(lambda times=times: log.read_text().count("task fetcher") == times, log.read_text)  # type: ignore[misc] # bound here
        end(process)
    said = log.read_text()
    assert "in wait_here" in said
    task = said[said.index("task fetcher") :]
    assert task.index("in work_here") < task.index("in fetch_here"), "the whole way down, not only the first step"


def test_the_threads_are_shown_while_the_main_thread_is_blocked(tmp_path: Path) -> None:
    """That is when one wants to know; the tasks come when Python runs again."""
    log = tmp_path / "log"
    with running(BLOCKED, log) as process:
        process.send_signal(signal.SIGUSR1)
        until(lambda: "in hang_here" in log.read_text(), log.read_text)
        assert process.poll() is None


def test_it_kills_nobody_before_and_after_the_loop(tmp_path: Path) -> None:
    """The default action would."""
    log = tmp_path / "log"
    with running(WITHOUT_A_LOOP, log) as process:
        process.send_signal(signal.SIGUSR1)
        until(lambda: "no event loop runs" in log.read_text(), log.read_text)
        end(process)


def test_it_kills_nobody_in_the_last_moments_of_the_interpreter(tmp_path: Path) -> None:
    """The interpreter takes handlers back while it ends, and the exit code must still be the program's own."""
    with running(AT_THE_END, tmp_path / "log") as process:
        end(process)


@pytest.mark.parametrize("verb", [("--version",), ("config", "show")])
def test_a_command_that_ends_by_itself_ends_as_before(verb: tuple[str, ...]) -> None:
    """What is installed for every command disturbs none."""
    done = subprocess.run([sys.executable, "-m", "supervisor", *verb], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
