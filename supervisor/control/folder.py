"""VIGIL_HOME/run: one socket for each instance that runs here, for its owner alone.

    start: folder 0700 ─▶ locked ─▶ sockets of the dead removed ─▶ bound 0600, listening ─▶ unlocked
    end:   own socket removed

A socket is dead when the kernel refuses a connection to it: nobody listens, so nobody ever will again. The lock keeps
another start from taking a socket that is bound and does not listen yet for a dead one; the kernel frees it with the
process. Every path goes through a descriptor of the folder, so a home deeper than a socket's address is long works too.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from time import sleep

SUFFIX = ".sock"
FOLDER_MODE, SOCKET_MODE = 0o700, 0o600
BACKLOG = 16
NAME_CHARACTERS = 48
"""Of an instance's name; an address takes 107 bytes, and the descriptor's path needs some."""
ID_CHARACTERS = 9
"""The hyphen and the eight digits that make an instance id unique."""
LOCK_TRIES, LOCK_PAUSE = 500, 0.02
UNFIT = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The sockets of one home; every method blocks and belongs in a thread, but none for long."""

    home: Path

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.home / "run"

    def listen(self, instance_id: str) -> socket.socket:
        """Return a listening socket of this instance; remove those of instances that are gone."""
        with suppress(FileExistsError):
            self.path.mkdir(mode=FOLDER_MODE)
        with self._opened() as folder:
            os.fchmod(folder, FOLDER_MODE)
            _lock(folder)
            for name in _sockets(folder):
                if _is_dead(folder, name):
                    os.unlink(name, dir_fd=folder)
            return _bound(folder, file_stem(instance_id) + SUFFIX)

    def remove(self, instance_id: str) -> None:
        """Remove the socket of this instance, if it is there."""
        with suppress(FileNotFoundError), self._opened() as folder:
            os.unlink(file_stem(instance_id) + SUFFIX, dir_fd=folder)

    def connect(self, stem: str) -> socket.socket | None:
        """Return a connection to a socket, or None when nobody listens on it."""
        with suppress(FileNotFoundError), self._opened() as folder:
            return _connected(folder, stem + SUFFIX)
        return None

    def stems(self) -> list[str]:
        """Return the file names, without their ending, of all sockets, dead ones too."""
        with suppress(FileNotFoundError), self._opened() as folder:
            return [name.removesuffix(SUFFIX) for name in _sockets(folder)]
        return []

    @contextmanager
    def _opened(self) -> Iterator[int]:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield folder
        finally:
            os.close(folder)


def file_stem(instance_id: str) -> str:
    """Return the file name, without its ending, of an instance's socket: short, and without a slash."""
    name, unique = instance_id[:-ID_CHARACTERS], instance_id[-ID_CHARACTERS:]
    return UNFIT.sub("_", name)[:NAME_CHARACTERS] + UNFIT.sub("_", unique)


def is_named(stem: str, wanted: str) -> bool:
    """Tell whether the instance with this file name is meant by an instance id, or by an INSTANCE_NAME."""
    return stem == file_stem(wanted) or stem[:-ID_CHARACTERS] == UNFIT.sub("_", wanted)[:NAME_CHARACTERS]


def _lock(folder: int) -> None:
    """Wait for other starts of this home, briefly: each takes a moment, and a stopped one must not stop us."""
    for _ in range(LOCK_TRIES):
        try:
            return flock(folder, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            sleep(LOCK_PAUSE)
    raise BlockingIOError(errno.EWOULDBLOCK, "another instance of this home does not get on with its start")


def _sockets(folder: int) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))


def _address(folder: int, name: str) -> str:
    return f"/proc/self/fd/{folder}/{name}"


def _bound(folder: int, name: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Of the socket before it is bound: Linux gives the file this mode, so it is never open to others, and the
        # umask of the process, which its other threads share, stays as it is.
        os.fchmod(made.fileno(), SOCKET_MODE)
        made.bind(_address(folder, name))
        made.listen(BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def _connected(folder: int, name: str) -> socket.socket | None:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Without waiting: a live instance that does not accept leaves its queue full, and that is an error too.
        made.setblocking(False)
        made.connect(_address(folder, name))
    except (ConnectionRefusedError, FileNotFoundError):
        made.close()
        return None
    except BaseException:
        made.close()
        raise
    return made


def _is_dead(folder: int, name: str) -> bool:
    try:
        made = _connected(folder, name)
    except OSError:
        # Whatever is in the way, nobody has said that nobody listens.
        return False
    if made is None:
        return True
    made.close()
    return False
