"""The signal ladder in a real process: drain, hurry, end."""

from __future__ import annotations

import signal
import subprocess
import sys

PROGRAM = """
import anyio
from supervisor.signals import Ladder
async def main():
    ladder = Ladder()
    print("installed", flush=True)
    await ladder.drain.wait()
    print("drain", flush=True)
    if {hurry}:
        await ladder.hurry.wait()
        print("hurry", flush=True)
    {after}
anyio.run(main)
print("end", flush=True)
import time
time.sleep({linger})
"""


def start(after: str, linger: float = 0, *, hurry: bool = True) -> subprocess.Popen[str]:
    program = PROGRAM.format(after=after, linger=linger, hurry=hurry)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert line(process) == "installed"
    return process


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_first_signal_drains_the_second_hurries_the_third_ends_the_process() -> None:
    """Three steps; the last one ends with 128 plus the signal's number, whatever the program does."""
    with start("await anyio.sleep_forever()") as process:
        process.send_signal(signal.SIGTERM)
        assert line(process) == "drain"
        process.send_signal(signal.SIGINT)
        assert line(process) == "hurry"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM


def test_a_second_signal_after_the_loop_has_ended_changes_nothing() -> None:
    """Everything has been stopped in order by then: the exit code must still say so."""
    with start("pass", linger=1, hurry=False) as process:
        process.send_signal(signal.SIGTERM)
        assert line(process) == "drain"
        assert line(process) == "end"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_third_signal_after_the_loop_has_ended_ends_the_process_still() -> None:
    """Between the end of the loop and the exit of the process, a signal still finds our handler."""
    with start("pass", linger=30) as process:
        process.send_signal(signal.SIGTERM)
        assert line(process) == "drain"
        process.send_signal(signal.SIGTERM)
        assert line(process) == "hurry"
        assert line(process) == "end"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM, "killed by the default action this would be -15"


def test_a_closed_terminal_drains_unless_it_is_to_be_ignored() -> None:
    """The default action of SIGHUP would end the ACTIVE without a word; `nohup` has asked for another one."""
    with start("pass", hurry=False) as process:
        process.send_signal(signal.SIGHUP)
        assert line(process) == "drain"
        assert process.wait(10) == 0
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with start("pass", hurry=False) as process:
            process.send_signal(signal.SIGHUP)
            process.send_signal(signal.SIGTERM)
            assert line(process) == "drain"
            assert process.wait(10) == 0
    finally:
        signal.signal(signal.SIGHUP, previous)
