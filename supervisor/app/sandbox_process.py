"""The sandbox as a process of its own: started when nobody answers on the port, stopped only when it is ours.

    nobody answers ─→ spawned in a session of its own ─→ answers, its pid file lies in VIGIL_HOME/sandbox
    a sandbox answers ─→ used as it is; without a pid file of this home it is foreign, and never stopped
    something else answers ─→ Unavailable

Ours is what the pid file of this home names, with the same start time in /proc and the same command line: a number
that another process has taken over since does not fit.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import httpx

from supervisor.errors import ConfigError, Unavailable
from telemetry import emit, events

START_SECONDS: Final = 20.0
PROBE_SECONDS: Final = 2.0
STOP_SECONDS: Final = 1.5
"""After SIGTERM; within the margin that the shutdown leaves, so that SIGKILL follows in time."""
POLL_SECONDS: Final = 0.05
SHOWN_BYTES: Final = 2000
"""How much of a log is read for the last words of a sandbox that did not start."""
COMMAND: Final = ("-m", "supervisor", "sandbox", "serve", "--managed")


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that answers; `started` tells whether this call started it."""

    address: str
    pid: int
    started: bool


def folder_of(home: Path) -> Path:
    """Return where the sandbox of a home keeps everything."""
    return home / "sandbox"


async def ensure(home: Path, port: int) -> Running:
    """Return a sandbox that answers on the port, started if need be; raise `Unavailable` when there can be none."""
    address = f"http://127.0.0.1:{port}"
    pid = await probe(port)
    if pid is not None:
        emit(events.SandboxStarted(address=address, pid=pid, reused=True))
        return Running(address, pid, started=False)
    try:
        spawned = await anyio.to_thread.run_sync(_spawn, home, port)
    except OSError as failure:
        raise unusable(home, failure) from failure
    try:
        pid = await _answering(home, port, spawned)
    except BaseException:
        _discard(spawned)
        raise
    emit(events.SandboxStarted(address=address, pid=pid, reused=pid != spawned))
    return Running(address, pid, started=pid == spawned)


async def _answering(home: Path, port: int, spawned: int) -> int:
    """Return the process id of the sandbox once it answers; it is another one's when two daemons start at once."""
    with anyio.move_on_after(START_SECONDS):
        while (pid := await probe(port)) is None:
            if _reap(spawned):
                said = await anyio.to_thread.run_sync(_last_line, home)
                raise Unavailable(
                    f"The sandbox ended before it answered on port {port}: {said}",
                    hint=f"see {folder_of(home) / 'log'}, or choose another SANDBOX_PORT.",
                )
            await anyio.sleep(POLL_SECONDS)
        return pid
    raise Unavailable(
        f"The sandbox did not answer on port {port} within {START_SECONDS:.0f} s.",
        hint=f"see {folder_of(home) / 'log'}.",
    )


async def probe(port: int) -> int | None:
    """Return the process id of the sandbox on the port, None when nobody listens; raise for anything else there."""
    from bot.sandbox.loopback import client

    try:
        async with client(PROBE_SECONDS) as http:
            answer = await http.get(f"http://127.0.0.1:{port}/sandbox/health")
        found = answer.json()
        return int(found["pid"]) if found["sandbox"] == "vigil" else _refuse(port)
    except httpx.ConnectError:
        return None
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return _refuse(port)


def unusable(home: Path, failure: OSError) -> ConfigError:
    """Say that no sandbox can be in this home."""
    hint = "set VIGIL_HOME to a folder of your own."
    return ConfigError(f"Preparing the sandbox in {folder_of(home)}: {failure}", hint=hint)


def _refuse(port: int) -> int:
    raise Unavailable(f"Port {port} is taken by something that is no sandbox.", hint="set SANDBOX_PORT to a free port.")


async def stop(home: Path) -> bool:
    """Stop the sandbox that belongs to this home, and no other; tell whether there was one.

    SIGTERM first, SIGKILL after `STOP_SECONDS`: its state survives either.
    """
    pid = await anyio.to_thread.run_sync(owned, home)
    if pid is None:
        return False
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        # Looked at again through the handle's process: between the file and the handle the number may have moved on.
        if await anyio.to_thread.run_sync(owned, home) != pid:
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            with anyio.move_on_after(STOP_SECONDS):
                await anyio.wait_readable(handle)
                break
    finally:
        os.close(handle)
    _reap(pid)
    emit(events.SandboxStopped(pid=pid))
    return True


def write_pid_file(home: Path) -> None:
    """Note that this process is the sandbox of the home."""
    pid = os.getpid()
    text = json.dumps({"pid": pid, "started": _started(pid)})
    (folder_of(home) / "pid").write_text(text, encoding="utf-8")


def remove_pid_file(home: Path) -> None:
    """Take the note back, if it is still this process's own."""
    if _noted(home) == (os.getpid(), _started(os.getpid())):
        (folder_of(home) / "pid").unlink(missing_ok=True)


def owned(home: Path) -> int | None:
    """Return the process id of the home's own running sandbox, None when there is none."""
    noted = _noted(home)
    if noted is None:
        return None
    pid, started = noted
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    is_sandbox = command[-4:] == [*(word.encode() for word in COMMAND[-3:]), b""]
    return pid if is_sandbox and _started(pid) == started else None


def _noted(home: Path) -> tuple[int, str] | None:
    try:
        noted = json.loads((folder_of(home) / "pid").read_text(encoding="utf-8"))
        return int(noted["pid"]), str(noted["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _started(pid: int) -> str:
    """Return when the process started, in clock ticks since boot; empty when there is none."""
    try:
        # The name in parentheses may hold anything, so count from behind it: state is field 3, the start field 22.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _spawn(home: Path, port: int) -> int:
    """Start the process, detached from our session and our streams; return its id.

    Not subprocess.Popen: its object, and asyncio's, kill or complain when we end before the sandbox does.
    """
    folder_of(home).mkdir(mode=0o700, parents=True, exist_ok=True)
    log = os.open(folder_of(home) / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, *COMMAND],
            {**os.environ, "VIGIL_HOME": str(home), "SANDBOX_PORT": str(port)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(log)


def _reap(pid: int) -> bool:
    """Tell whether our child has ended, and let it go; a process that is not our child is someone else's to bury."""
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    return False


def _discard(pid: int) -> None:
    """End a child of ours that nobody will know of; its state survives it."""
    # Reaped already, the number may be somebody else's.
    with suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] != pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _last_line(home: Path) -> str:
    with suppress(OSError), (folder_of(home) / "log").open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - SHOWN_BYTES))
        lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        last = next((line for line in reversed(lines) if not line.startswith("Try:")), "it said nothing")
        return last.removeprefix("vigil: ")
    return "it said nothing"
