"""How a command finds the instances of a home and asks one of them."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from supervisor.control.folder import RunFolder, is_named
from supervisor.control.lines import Ended, Lines
from supervisor.errors import ExitCode, SupervisorError, UsageError

ASK_SECONDS = 32.0
"""A little more than a verb has there."""
ANSWER_BYTES = 8 * 1024 * 1024
PEER = struct.Struct("3i")
"""Process, user and group of the other side of a socket."""


class NotRunning(SupervisorError):
    """No instance of this home runs."""

    exit_code = ExitCode.NOT_RUNNING


class Closed(SupervisorError):
    """The home belongs to another user, so nobody here can tell who runs in it."""


class Silent(SupervisorError):
    """The instance listens and does not answer."""


class Refused(SupervisorError):
    """The instance has answered that it cannot, and why."""

    def __init__(self, message: str, *, hint: str | None, exit_code: int) -> None:
        super().__init__(message, hint=hint)
        if exit_code in set(ExitCode):
            self.exit_code = ExitCode(exit_code)


@dataclass(frozen=True, slots=True)
class Instance:
    """A running instance of a home; `name` is its socket's, which is its id unless that is long or odd."""

    home: Path
    name: str

    async def ask(self, verb: str, **details: Any) -> Any:
        """Return the result of a verb; raise `Refused` with its reason, `NotRunning` when it has ended."""
        answer = await ask(self.home, self.name, {"verb": verb, **details})
        if answer.get("ok") is True:
            return answer.get("result")
        raise Refused(
            str(answer.get("error")), hint=answer.get("hint"), exit_code=int(answer.get("exit_code", ExitCode.FAILED))
        )

    async def is_alive(self) -> bool:
        """Tell whether it still listens; one that hangs does."""
        try:
            connection = await anyio.to_thread.run_sync(_connect, self.home, self.name)
        except Silent:
            return True
        if connection is not None:
            connection.close()
        return connection is not None

    async def pid(self) -> int | None:
        """Return its process id, or None when it has ended or lives where this process cannot see it."""
        connection = await anyio.to_thread.run_sync(_connect, self.home, self.name)
        if connection is None:
            return None
        with connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size)
        return int(PEER.unpack(credentials)[0]) or None


async def running(home: Path) -> list[Instance]:
    """Return the instances of this home that listen."""
    stems = await anyio.to_thread.run_sync(_stems, home)
    found = [Instance(home, stem) for stem in stems]
    return [instance for instance in found if await instance.is_alive()]


async def choose(home: Path, wanted: str | None) -> Instance:
    """Return the one running instance, or the one `wanted` names by its id or INSTANCE_NAME."""
    found = await running(home)
    if not found:
        raise NotRunning(f"No instance of {home} is running.", hint="vigil run; VIGIL_HOME says where it lives.")
    meant = [instance for instance in found if wanted is None or is_named(instance.name, wanted)]
    names = ", ".join(instance.name for instance in found)
    if not meant:
        raise UsageError(
            f"No running instance is called {wanted}; there are {names}.", hint=f"--instance {found[0].name}"
        )
    if len(meant) > 1:
        raise UsageError(f"Several instances run here: {names}.", hint=f"say which: --instance {meant[0].name}")
    return meant[0]


async def ask(home: Path, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request, return the answer."""
    connection = await anyio.to_thread.run_sync(_connect, home, name)
    if connection is None:
        raise NotRunning(f"{name} is not running any more.", hint="vigil status")
    lines = Lines(connection, limit=ANSWER_BYTES)
    try:
        with anyio.fail_after(ASK_SECONDS):
            await lines.send(json.dumps(request).encode())
            answer = json.loads(await lines.receive())
    except Ended as gone:
        raise NotRunning(f"{name} ended while it was asked.", hint="vigil status") from gone
    except (TimeoutError, ValueError) as silent:
        raise _silent(name) from silent
    finally:
        lines.close()
    if not isinstance(answer, dict):
        raise _silent(name)
    return answer


def _silent(name: str) -> Silent:
    return Silent(
        f"{name} does not answer: it hangs, or is stopped.", hint="kill -USR1 its process to see where, in its log."
    )


def _stems(home: Path) -> list[str]:
    try:
        return RunFolder(home).stems()
    except OSError as failure:
        raise _closed(home, failure) from failure


def _connect(home: Path, name: str) -> socket.socket | None:
    try:
        return RunFolder(home).connect(name)
    except BlockingIOError as busy:
        raise _silent(name) from busy
    except OSError as failure:
        raise _closed(home, failure) from failure


def _closed(home: Path, failure: OSError) -> Closed:
    return Closed(
        f"Looking for instances in {RunFolder(home).path}: {failure.strerror or failure}.", hint="run as its owner."
    )
