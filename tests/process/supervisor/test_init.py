"""A program as PID 1 of a real PID namespace: an init in front of it, and the kill timer works behind that."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process import namespace
from tests.process.app.fleet import until
from tests.process.namespace import child_of

PROGRAM = """
import os, signal, subprocess, sys, time
from supervisor import init
from supervisor.clock import boottime
from supervisor.killtimer import KillTimer

def say(*words): print(*words, flush=True)

def sleep():
    say("ready", os.getpid(), os.getppid())
    time.sleep(60)

assert os.getpid() == 1
{before}
init.fork_as_pid_1()
{run}
"""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def as_pid_1() -> Iterator[Start]:
    """Start a program whose `run` comes behind the fork, as PID 1."""
    words = namespace.as_pid_1()
    with ExitStack() as stack:

        def start(run: str, before: str = "", terminal: int | None = None) -> subprocess.Popen[str]:
            around = words if terminal is None else ("setsid", "--ctty", *words)
            process = stack.enter_context(
                subprocess.Popen(
                    [*around, sys.executable, "-c", PROGRAM.replace("{before}", before).replace("{run}", run)],
                    stdin=subprocess.DEVNULL if terminal is None else terminal,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process

        yield start


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


pytestmark = pytest.mark.needs("unshare")


@pytest.mark.parametrize(
    ("run", "code"), [("sys.exit(7)", 7), ("pass", 0), ("os.kill(os.getpid(), signal.SIGTERM)", 143)]
)
def test_the_exit_code_is_passed_on(as_pid_1: Start, run: str, code: int) -> None:
    """The platform reads it: 128 + n for a death by signal n."""
    with as_pid_1(run) as process:
        _, error = process.communicate(timeout=20)
        assert (process.returncode, error) == (code, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP])
def test_signals_are_passed_on(as_pid_1: Start, number: signal.Signals) -> None:
    """To PID 1 alone `docker stop` sends them, and PID 1 would ignore what it has no handler for."""
    run = f"signal.signal({int(number)}, lambda *_: sys.exit(3))\nsleep()"
    with as_pid_1(run) as process:
        assert line(process) == "ready 2 1"
        os.kill(child_of(process.pid), number)
        assert process.wait(20) == 3


def test_a_signal_that_comes_before_the_fork_is_not_lost(as_pid_1: Start) -> None:
    """Whoever stops a container while it starts means the daemon."""
    before = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}); os.kill(1, signal.SIGTERM)"
    with as_pid_1("signal.sigwait({signal.SIGTERM}); sys.exit(6)", before) as process:
        assert process.wait(20) == 6


def test_ctrl_c_at_a_terminal_reaches_the_daemon_once(as_pid_1: Start) -> None:
    """The terminal tells everyone in front of it; passed on as well, it would be a second one, which means `hurry`."""
    run = """
seen = []
signal.signal(signal.SIGINT, lambda *_: (seen.append(1), say("interrupted")))
signal.signal(signal.SIGTERM, lambda *_: (say(len(seen)), sys.exit(0)))
sleep()
"""
    keyboard, terminal = pty.openpty()
    try:
        with as_pid_1(run, terminal=terminal) as process:
            assert line(process) == "ready 2 1"
            os.write(keyboard, b"\x03")
            assert line(process) == "interrupted"
            # PID 1 takes its signals in the order of their numbers: a second SIGINT would come before this one.
            os.kill(child_of(process.pid), signal.SIGTERM)
            assert line(process) == "1"
            assert process.wait(20) == 0
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_nothing_stays_blocked_in_the_daemon(as_pid_1: Start) -> None:
    """It would be deaf to every stop."""
    with as_pid_1("say(signal.pthread_sigmask(signal.SIG_BLOCK, ()))") as process:
        assert line(process) == "set()"


def test_orphans_are_buried(as_pid_1: Start) -> None:
    """Whoever loses its parent falls to PID 1; a zombie each would fill the process table."""
    run = """
middle = subprocess.Popen([sys.executable, "-c", "import subprocess; print(subprocess.Popen(['true']).pid)"], stdout=subprocess.PIPE)
orphan = int(middle.communicate()[0])
until = time.monotonic() + 20
while os.path.exists(f"/proc/{orphan}") and time.monotonic() < until: time.sleep(0.01)
say("a zombie" if os.path.exists(f"/proc/{orphan}") else "buried")
sys.exit(5)
"""
    with as_pid_1(run) as process:
        assert line(process) == "buried"
        assert process.wait(20) == 5


def test_a_paused_daemon_is_killed_at_its_hard_deadline_and_pid_1_says_so(as_pid_1: Start) -> None:
    """The kernel ignores the timer of PID 1 itself; this one is not, and the container ends with 137."""
    run = "timer = KillTimer(); timer.arm(boottime() + 1.0); say('armed'); os.kill(os.getpid(), signal.SIGSTOP); say('on')"
    with as_pid_1(run) as process:
        assert line(process) == "armed"
        output, error = process.communicate(timeout=20)
        assert (process.returncode, output) == (137, "")
        assert "killed past the hard deadline" in error
        assert "\nTry: " in error


def test_the_daemon_ends_with_pid_1(as_pid_1: Start) -> None:
    """Nobody would pass on a signal to it, or its exit code."""
    with as_pid_1("sleep()") as process:
        line(process)
        init = child_of(process.pid)
        daemon = child_of(init)
        os.kill(init, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{daemon}").exists(), "it is gone")


def test_elsewhere_nothing_happens() -> None:
    """A daemon that systemd or a shell started is its own process."""
    program = "import os; from supervisor import init; before = os.getpid(); init.fork_as_pid_1(); print(os.getpid() == before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
