"""`vigil drain`, `restart` and `tasks`: ask a running instance of this machine."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress

import anyio

from supervisor import control
from supervisor.commands.reach import base_settings
from supervisor.commands.terminal import say, say_json
from supervisor.errors import ExitCode

POLL_SECONDS = 0.1
MARGIN_SECONDS = 5.0
"""Past the grace it has; then it is said that it is still there."""


async def drain(arguments: argparse.Namespace) -> int:
    """Ask an instance to stop as SIGTERM does; wait until its process is gone."""
    instance = await control.choose(base_settings().vigil_home, arguments.instance)
    # Before it is asked: afterwards it may be gone already, and its number another process's.
    process = _process(await instance.pid())
    try:
        began = anyio.current_time()
        found = await instance.ask("drain")
        within = float(found["grace_seconds"]) + MARGIN_SECONDS
        if not arguments.json:
            say(f"{found['instance_id']} drains; it has {found['grace_seconds']:g} s.")
        gone = None if arguments.no_wait else await _is_gone(instance, process, within)
        seconds = round(anyio.current_time() - began, 1)
    finally:
        if process is not None:
            os.close(process)
    if arguments.json:
        say_json({"instance_id": found["instance_id"], "gone": gone, "seconds": seconds})
    elif gone:
        say(f"It has ended, after {seconds:g} s.")
    if gone is False:
        sys.stderr.write(f"vigil: {found['instance_id']} is still there after {seconds:g} s.\n")
        sys.stderr.write("Try: its log says which phase takes so long; kill -9 its process, a standby takes over.\n")
        return ExitCode.FAILED
    return ExitCode.OK


async def restart(arguments: argparse.Namespace) -> int:
    """Restart one managed task of an instance, and wait until it is ready again."""
    instance = await control.choose(base_settings().vigil_home, arguments.instance)
    found = await instance.ask("restart", child=arguments.child)
    if arguments.json:
        say_json(found)
        return ExitCode.OK
    say(f"{found['child']} was restarted, and is {found['state']}.")
    return ExitCode.OK


async def tasks(arguments: argparse.Namespace) -> int:
    """Print every task and thread of an instance and where it stands, as SIGUSR1 writes it to the log."""
    instance = await control.choose(base_settings().vigil_home, arguments.instance)
    found = await instance.ask("tasks")
    if arguments.json:
        say_json(found)
    else:
        say(found["text"].rstrip())
    return ExitCode.OK


def _process(pid: int | None) -> int | None:
    """Return a descriptor of the process, which stays the same process whatever becomes of its number."""
    with suppress(OSError):
        return None if pid is None else os.pidfd_open(pid)
    return None


async def _is_gone(instance: control.Instance, process: int | None, within: float) -> bool:
    with anyio.move_on_after(within):
        if process is not None:
            await anyio.wait_readable(process)
            return True
        while await instance.is_alive():  # noqa: ASYNC110 - another process raises no event
            await anyio.sleep(POLL_SECONDS)
        return True
    return False
