"""The kill timer in real processes: it ends a stopped one, on time, and nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from supervisor.clock import boottime
from supervisor.errors import ConfigError, Unavailable
from supervisor.killtimer import KillTimer

PRELUDE = """
import os, signal, sys, threading, time
from supervisor.clock import boottime
from supervisor.killtimer import KillTimer
timer = KillTimer()
def say(*words): print(*words, flush=True)
"""
LATE = 20.0
"""Far more than a kill takes on a busy machine; a timer that never fires is what must be caught."""


@contextmanager
def running(program: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def died_at(process: subprocess.Popen[str]) -> float:
    assert process.wait(LATE) == -signal.SIGKILL
    return boottime()


def test_a_stopped_process_is_killed_at_the_deadline_and_never_before() -> None:
    """SIGSTOP keeps every thread from running; only the kernel can keep the promise."""
    with running("at = boottime() + 0.8; timer.arm(at); say(at); time.sleep(60)") as process:
        at = float(line(process))
        process.send_signal(signal.SIGSTOP)
        assert died_at(process) >= at


def test_rearming_postpones_the_kill() -> None:
    """Each acknowledged renew moves the deadline, from whatever thread."""
    program = """
timer.arm(boottime() + 0.5)
at = boottime() + 1.5
mover = threading.Thread(target=timer.arm, args=(at,))
mover.start(); mover.join()
say(at); time.sleep(60)
"""
    with running(program) as process:
        at = float(line(process))
        process.send_signal(signal.SIGSTOP)
        assert died_at(process) >= at


@pytest.mark.parametrize("rescue", ["disarm", "close"])
def test_a_disarmed_timer_kills_nobody(rescue: str) -> None:
    """A term that was given back has no deadline."""
    program = f"timer.arm(boottime() + 0.3); timer.{rescue}(); timer.disarm(); time.sleep(0.6); say('alive')"
    with running(program) as process:
        assert line(process) == "alive"
        assert process.wait(LATE) == 0


@pytest.mark.parametrize("at", ["boottime() - 5", "0.0", "-1.0"])
def test_a_deadline_in_the_past_kills_at_once(at: str) -> None:
    """Zero too, which the kernel itself takes for `disarm`."""
    with running(f"timer.arm({at}); time.sleep(10); say('alive')") as process:
        assert line(process) == ""
        died_at(process)


def test_a_child_made_by_fork_is_not_killed_with_its_parent() -> None:
    """The timer belongs to the process that made it; a server it started must be able to stop in order."""
    program = """
timer.arm(boottime() + 0.5)
if os.fork() == 0:
    while os.getppid() == parent: time.sleep(0.01)
    time.sleep(0.3)
    say('child alive')
    os._exit(0)
time.sleep(60)
"""
    with running(f"parent = os.getpid()\n{program}") as process:
        assert line(process) == "child alive"
        died_at(process)


def test_it_fires_while_every_thread_is_busy() -> None:
    """Threads that hold on to the interpreter do not keep it from coming."""
    program = """
def spin():
    while True: pass
for _ in range(3): threading.Thread(target=spin, daemon=True).start()
timer.arm(boottime() + 0.3); spin()
"""
    with running(program) as process:
        died_at(process)


def test_threads_may_arm_and_disarm_at_once() -> None:
    """The keeper's thread arms, the main loop disarms; nothing is lost and nothing fires."""
    timer = KillTimer()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(500):
                timer.arm(boottime() + 3600)
                timer.disarm()
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LATE)
    timer.close()
    timer.close()
    assert failures == []


@pytest.mark.parametrize("at", [float("nan"), float("inf")])
def test_what_is_no_time_is_refused(at: float) -> None:
    """A deadline that was computed wrongly must not become `never`."""
    timer = KillTimer()
    try:
        with pytest.raises(ValueError, match="is not a time"):
            timer.arm(at)
    finally:
        timer.close()
    with pytest.raises(ValueError, match="closed"):
        timer.arm(boottime() + 3600)


def test_a_refused_call_says_what_was_attempted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errno, words and the call."""
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 4242)
    with pytest.raises(OSError, match=r"timer_create\(CLOCK_BOOTTIME, SIGKILL\): Invalid argument"):
        KillTimer()


def test_a_system_without_posix_timers_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 69, and where it would work."""
    monkeypatch.setattr("ctypes.CDLL", lambda name, use_errno: object())
    with pytest.raises(Unavailable, match="no timer_create"):
        KillTimer()


def test_pid_1_gets_no_timer_that_the_kernel_would_ignore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Better no start than a deadline that nobody keeps."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(ConfigError, match="PID 1"):
        KillTimer()
