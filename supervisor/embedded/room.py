"""The folder of the embedded server inside of VIGIL_HOME: one holder at a time, and what a crash leaves is cleared.

postgres/            0711 for root, else 0700
  data.lock          held by the process that runs the server; freed by the kernel when that process ends
  data/              the database, of the server's user only
  socket/            the unix socket, of the server's user only; elsewhere when the path would be too long
  server.log         what the server says
  programs/          a copy of PostgreSQL, only when the server's user cannot reach the installed one
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from urllib.parse import quote

from supervisor.embedded import account
from supervisor.embedded.account import Account
from supervisor.errors import ConfigError, Unavailable
from supervisor.home import ROOT_MODE, USER_MODE

PORT = 5432
"""Only part of the socket's name; no TCP port is opened."""
SOCKET_LIMIT = 107
"""Bytes of a unix socket's path that the kernel takes."""
USER, SUPERUSER = "vigil", "postgres"
"""Each has a database of its name."""
LOCK_BYTES = 1_000
LOG_BYTES = 1_000_000
LAST_WORDS = 800


class HomeHeld(Unavailable):
    """Another process runs the server of this home, or starts it; once it is ready, `url` says where."""

    def __init__(self, home: Path, holder: str, url: str | None) -> None:
        share = f"DATABASE_URL={url} to share it" if url else "again in a moment, to share it"
        super().__init__(
            f"The embedded PostgreSQL of {home} is in use by process {holder}.",
            hint=f"{share}, or another VIGIL_HOME.",
        )
        self.url = url


@dataclass(frozen=True, slots=True)
class Room:
    """The paths of one embedded server; every method blocks and belongs in a thread."""

    home: Path

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """The database."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.path / "server.log"

    @property
    def programs(self) -> Path:
        """Where a copy of PostgreSQL goes."""
        return self.path / "programs"

    @property
    def socket_folder(self) -> Path:
        """Where the socket is: here, or in the user's runtime folder when the path would be too long."""
        inside = self.path / "socket"
        if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= SOCKET_LIMIT:
            return inside
        name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        runtime = os.environ.get("XDG_RUNTIME_DIR") if os.geteuid() != 0 else None
        return Path(runtime or "/tmp") / f"vigil-{name}"  # noqa: S108 - used only when it is a private folder of ours

    def dsn(self, name: str) -> str:
        """Return the address of the user and database `name`; without a password, and safe unquoted in a shell."""
        return f"postgresql://{name}@{quote(str(self.socket_folder), safe='')}:{PORT}/{name}"

    def hold(self) -> int:
        """Become the one holder; close the returned descriptor to stop being it."""
        self.path.mkdir(exist_ok=True)
        lock = self._open("data.lock", os.O_RDWR)
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            holder, _, url = os.pread(lock, LOCK_BYTES, 0).decode(errors="replace").strip().partition(" ")
            os.close(lock)
            raise HomeHeld(self.home, holder or "(starting)", url or None) from None
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        # Apart from mkdir, which takes away what the umask says.
        self.path.chmod(ROOT_MODE if os.geteuid() == 0 else USER_MODE)
        self._give(self.path)
        return lock

    def announce(self, lock: int) -> None:
        """Tell other processes where the server is; only its holder's environment decides that."""
        os.pwrite(lock, f"{os.getpid()} {self.dsn(USER)}\n".encode(), 0)

    def user(self) -> Account:
        """Return who the server runs as: ourselves, or for root the data's owner, the home's, or a uid of its own."""
        us = account.ourselves()
        owner = account.owner_of(self.data if self.data.exists() else self.home)
        if us.uid == 0:
            return owner if owner.uid != 0 else account.own_uid(str(self.data))
        if owner.uid != us.uid:
            raise ConfigError(
                f"{self.data if self.data.exists() else self.home} belongs to uid {owner.uid}; this is uid {us.uid}.",
                hint="run as its owner, or choose another VIGIL_HOME.",
            )
        return us

    def ready_socket_folder(self, user: Account) -> None:
        """Make the socket's folder private to the server's user, and clear it of sockets that nobody listens on."""
        folder = self.socket_folder
        try:
            folder.mkdir(mode=0o700)
            os.chown(folder, user.uid, user.gid)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or found.st_mode & 0o077:
                raise ConfigError(
                    f"The socket's folder {folder} exists and is not a private folder of uid {user.uid}.",
                    hint="remove it, or choose a VIGIL_HOME with a shorter path.",
                ) from None
        # The pid in a stale socket lock may belong to an innocent process by now, and PostgreSQL would believe it.
        for leftover in folder.glob(".s.PGSQL.*"):
            leftover.unlink()

    def remove_socket_folder(self) -> None:
        """Leave nothing outside of the home; a folder that somebody else put something into stays."""
        if not self.socket_folder.is_relative_to(self.home):
            with suppress(OSError):
                self.socket_folder.rmdir()

    def open_log(self) -> int:
        """Open the log for appending, after putting one aside that grew long."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self._open(self.log.name, os.O_WRONLY | os.O_APPEND)

    def last_words(self) -> str:
        """Return the end of the log."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LAST_WORDS))
            return log.read().decode(errors="replace").strip()

    def _open(self, name: str, flags: int) -> int:
        opened = os.open(self.path / name, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._give(opened)
        return opened

    def _give(self, path: Path | int) -> None:
        """Let a user who owns the home use it again after root did."""
        owner = account.owner_of(self.home)
        if os.geteuid() == 0 != owner.uid:
            os.chown(path, owner.uid, owner.gid)
