"""The embedded PostgreSQL as our own child process.

    held ─▶ prepared ─▶ starting ─▶ ready ─▶ cancelled ─▶ SIGINT ─▶ SIGQUIT after a deadline ─▶ SIGKILL ─▶ gone
     │                     └──────────┴── the server ended by itself: PostgresEnded
     └── another process holds the room: HomeHeld

Invariants: one server a home, under a lock that the kernel frees with this process; ready means that *our* child wrote
so into postmaster.pid, never that some connection worked; the server never outlives this process by more than a fast
shutdown; no process, permission or folder outside of the home is touched.
"""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread
import asyncpg
from anyio.abc import Process, TaskStatus

from supervisor.database import LOST
from supervisor.embedded import account, binaries
from supervisor.embedded.account import Account
from supervisor.embedded.binaries import Binaries
from supervisor.embedded.datafolder import DataFolder
from supervisor.embedded.launch import command_for, environment
from supervisor.embedded.profile import DURABLE, Profile
from supervisor.embedded.room import PORT, SUPERUSER, USER, Room
from supervisor.errors import ConfigError, SupervisorError, Unavailable
from supervisor.home import blocked_at
from telemetry import emit, events

POLL_SECONDS = 0.01
READY_SECONDS = 300.0
"""A long crash recovery is no failure; a server that never gets ready is one."""
ALONE_SECONDS = 15.0
"""How long a predecessor's server, whose supervisor was killed, may take to shut down."""
STOP_SECONDS = 2.4
"""Inside the 2.5 s that the shutdown plan has for PostgreSQL."""

Mode = Literal["fast", "immediate", "killed", "died"]


class PostgresEnded(SupervisorError):
    """The embedded server ended although nobody asked it to."""


@dataclass
class Embedded:
    """The PostgreSQL server of `home`; it runs while `serve` runs."""

    home: Path
    profile: Profile = DURABLE
    stop_seconds: float = STOP_SECONDS
    pid: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.room = Room(self.home.resolve())
        self.data = DataFolder(self.room.data)

    @property
    def url(self) -> str:
        """The address of the bot's database, for its owner, who is no superuser."""
        return self.room.dsn(USER)

    @property
    def admin_url(self) -> str:
        """The address for the server's superuser."""
        return self.room.dsn(SUPERUSER)

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Run the server until cancelled; report started once it accepts connections, raise when it ends by itself."""
        began = anyio.current_time()
        try:
            lock = await anyio.to_thread.run_sync(self.room.hold)
        except OSError as failure:
            raise self._unusable(failure) from failure
        try:
            process = await self._launch()
            self.pid = process.pid
            try:
                await self._until_ready(process)
                version = await self._ensure_database()
                await anyio.to_thread.run_sync(self.room.announce, lock)
                emit(events.EmbeddedStarted(pid=process.pid, version=version, seconds=_since(began)))
                task_status.started()
                await process.wait()
                raise self._ended(process)
            finally:
                await _stop(process, self.stop_seconds)
                self.pid = None
                self.room.remove_socket_folder()
        finally:
            os.close(lock)

    async def _launch(self) -> Process:
        with anyio.move_on_after(ALONE_SECONDS):
            while await anyio.to_thread.run_sync(self.data.occupants):  # noqa: ASYNC110 - other processes raise no event here
                await anyio.sleep(POLL_SECONDS)
        try:
            user, programs, log = await anyio.to_thread.run_sync(self._prepare)
        except OSError as failure:
            raise self._unusable(failure) from failure
        try:
            # A cancellation in the middle would leave a child that nobody waits for.
            with anyio.CancelScope(shield=True):
                process = await anyio.open_process(
                    command_for(user, signal.SIGINT, self._words(programs)),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=environment(),
                    # A session of its own: Ctrl-C must not reach the server before we have drained.
                    start_new_session=True,
                )
        finally:
            os.close(log)
        return process

    def _words(self, programs: Binaries) -> list[str]:
        place = ("-D", str(self.room.data), "-k", str(self.room.socket_folder), "-p", str(PORT))
        return [str(programs.postgres), *place, *self.profile.server_words(programs.major)]

    def _prepare(self) -> tuple[Account, Binaries, int]:
        """Make everything ready for a start; runs in a thread, and returns the log's descriptor last."""
        occupants = self.data.occupants()
        if occupants:
            raise Unavailable(
                f"PostgreSQL that this program did not start (pid {occupants[0]}) serves {self.room.data}.",
                hint=f"stop it: kill -INT {occupants[0]}.",
            )
        user = self.room.user()
        major = self.data.major()
        programs = binaries.find(major)
        if user != account.ourselves():
            programs = self._for_another_user(user, programs)
        if major is None:
            self.data.create(programs, user, self.profile.initdb_words(programs.major))
        self.data.clear()
        self.room.ready_socket_folder(user)
        return user, programs, self.room.open_log()

    def _for_another_user(self, user: Account, programs: Binaries) -> Binaries:
        blocked = blocked_at(self.room.data)
        if blocked is not None and account.owner_of(blocked) != user:
            raise ConfigError(
                f"Starting the embedded PostgreSQL as root: uid {user.uid}, which it runs as, cannot enter {blocked}.",
                hint="set VIGIL_HOME to a folder others can pass through (under /var/lib, say), or set DATABASE_URL.",
            )
        return programs if binaries.usable_by_others(programs) else binaries.copied(programs, self.room.programs)

    async def _until_ready(self, process: Process) -> None:
        with anyio.move_on_after(READY_SECONDS):
            while process.returncode is None:
                postmaster = await anyio.to_thread.run_sync(self.data.postmaster)
                if postmaster is not None and postmaster.pid == process.pid and postmaster.ready:
                    return
                await anyio.sleep(POLL_SECONDS)
        raise self._ended(process)

    async def _ensure_database(self) -> str:
        """Make the bot's user and database where they are missing; return the server's version."""
        try:
            connection = await asyncpg.connect(self.admin_url, timeout=10, command_timeout=30)
            try:
                if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vigil')"):
                    await connection.execute("CREATE ROLE vigil LOGIN")
                if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'vigil')"):
                    await connection.execute("CREATE DATABASE vigil OWNER vigil")
                return str(await connection.fetchval("SHOW server_version"))
            finally:
                with anyio.CancelScope(shield=True):
                    await connection.close(timeout=2)
        except LOST as failure:
            raise PostgresEnded(f"The embedded PostgreSQL was ready and does not answer: {failure}") from failure

    def _ended(self, process: Process) -> PostgresEnded:
        how = "is not ready yet" if process.returncode is None else f"ended with {process.returncode}"
        return PostgresEnded(f"The embedded PostgreSQL {how}; the end of {self.room.log}: {self.room.last_words()}")

    def _unusable(self, failure: OSError) -> ConfigError:
        return ConfigError(
            f"Preparing the embedded PostgreSQL in {self.room.path}: {failure}",
            hint="VIGIL_HOME must be a folder on a local disk that belongs to the user who runs this; or set DATABASE_URL.",
        )


async def _stop(process: Process, seconds: float) -> None:
    """Stop fast, after most of `seconds` at once, and by force when even that hangs."""
    began = anyio.current_time()
    steps: tuple[tuple[Mode, signal.Signals, float], ...] = (
        ("fast", signal.SIGINT, 0.75 * seconds),
        ("immediate", signal.SIGQUIT, 0.2 * seconds),
        ("killed", signal.SIGKILL, 0.05 * seconds),
    )
    mode: Mode = "died"
    for name, step, allowed in steps:
        if process.returncode is not None:
            break
        mode = name
        with anyio.move_on_after(allowed, shield=True):
            process.send_signal(step)
            await process.wait()
    emit(events.EmbeddedStopped(mode=mode, seconds=_since(began)))


def _since(began: float) -> float:
    return round(anyio.current_time() - began, 3)
