"""VIGIL_HOME: where this installation keeps its embedded database, its sandbox and its sockets."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from supervisor.errors import ConfigError

FOLDER = ".vigil"
SHARED = Path("/var/lib/vigil")
"""For root, whose own folders are often closed to the user that PostgreSQL must run as."""
ROOT_MODE = 0o711
"""Others may pass through, to what belongs to them, but not look around."""
USER_MODE = 0o700


def resolve_home() -> Path:
    """Return the default home of the current folder and user."""
    return default_home(Path.cwd(), root=os.geteuid() == 0)


def from_here(path: Path) -> Path:
    """Return the path as the shell would mean it: from the current folder, `~` as the user's own."""
    # Of a user that does not exist it is an ordinary name.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path.absolute()


def default_home(folder: Path, *, root: bool, shared: Path = SHARED) -> Path:
    """Return `.vigil` in `folder`; for root, one under /var/lib/vigil when other users cannot get into `folder`."""
    home = folder.resolve() / FOLDER
    if not root or blocked_at(home) is None:
        return home
    return shared / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]


def blocked_at(path: Path) -> Path | None:
    """Return the first existing folder above `path` that other users cannot pass through, or None."""
    for folder in reversed(path.resolve().parents):
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def create_home(home: Path) -> Path:
    """Make the home and what is missing above it, closed to others; change no mode of a folder that is there already."""
    home = from_here(home)
    mode = ROOT_MODE if os.geteuid() == 0 else USER_MODE
    try:
        for folder in reversed([home, *home.parents]):
            if folder.exists():
                continue
            # Another process of this home may be doing the same.
            with suppress(FileExistsError):
                folder.mkdir()
                # Apart from mkdir, which takes away what the umask says.
                folder.chmod(mode)
    except OSError as failure:
        raise ConfigError(
            f"Creating VIGIL_HOME {home}: {failure}", hint="set VIGIL_HOME to a writable folder."
        ) from failure
    if not home.is_dir() or not os.access(home, os.W_OK | os.X_OK):
        raise ConfigError(
            f"VIGIL_HOME {home} is not a folder that uid {os.geteuid()} can write to.",
            hint="set VIGIL_HOME to a writable folder, or run as its owner.",
        )
    if home.stat().st_mode & stat.S_IWOTH:
        raise ConfigError(
            f"VIGIL_HOME {home} can be written by everyone on this machine.",
            hint=f"chmod o-w {home}, or choose another folder.",
        )
    return home
