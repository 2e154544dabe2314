"""The data folder of the embedded server: made once, guarded by its major, cleared of what a crash left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.embedded import account
from supervisor.embedded.account import Account
from supervisor.embedded.binaries import MISSING_HINT, Binaries
from supervisor.embedded.launch import command_for, environment
from supervisor.errors import ConfigError, Unavailable

INITDB_SECONDS = 300.0
SCRATCH_PREFIX = "initdb-"
PID_LINE, STATUS_LINE = 0, 7
"""Lines of postmaster.pid, counted from 0."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What postmaster.pid says."""

    pid: int
    ready: bool

    @classmethod
    def parse(cls, text: str) -> Postmaster | None:
        """Read the file's text; None when a crash left it empty or cut short."""
        lines = text.splitlines()
        if not lines or not lines[PID_LINE].strip().isdigit():
            return None
        ready = len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"
        return cls(int(lines[PID_LINE]), ready)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """One data folder; every method blocks and belongs in a thread."""

    path: Path

    def major(self) -> int | None:
        """Return the PostgreSQL major that made the folder; None when there is no database in it yet."""
        try:
            text = (self.path / "PG_VERSION").read_text("ascii").strip()
        except FileNotFoundError:
            if self.path.exists() and any(self.path.iterdir()):
                raise ConfigError(
                    f"{self.path} is not empty and not a PostgreSQL data folder.",
                    hint="choose another VIGIL_HOME, or move that folder away.",
                ) from None
            return None
        if not text.isdigit():
            raise ConfigError(f"{self.path} was made by PostgreSQL {text!r}.", hint="choose another VIGIL_HOME.")
        return int(text)

    def create(self, binaries: Binaries, owner: Account, words: Sequence[str]) -> None:
        """Make the folder, whole or not at all, belonging to `owner`."""
        author = owner if owner.has_a_name else account.unprivileged()
        if author != owner and os.geteuid() != 0:
            raise ConfigError(
                f"Creating the embedded database: initdb needs a user with a name, and uid {owner.uid} has none.",
                hint="give it one (in a Dockerfile: RUN useradd -r -u UID vigil), or set DATABASE_URL.",
            )
        for leftover in self.path.parent.glob(f"{SCRATCH_PREFIX}*"):
            shutil.rmtree(leftover)
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=self.path.parent))
        os.chown(scratch, author.uid, author.gid)
        _initdb(author, [str(binaries.initdb), f"--pgdata={scratch}", "--no-instructions", *words])
        if author != owner:
            for path in (scratch, *scratch.rglob("*")):
                os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
        scratch.rename(self.path)
        _sync(self.path.parent)

    def postmaster(self) -> Postmaster | None:
        """Return who claims to serve the folder, or None."""
        try:
            return Postmaster.parse((self.path / "postmaster.pid").read_text("ascii", errors="replace"))
        except FileNotFoundError:
            return None

    def occupants(self) -> list[int]:
        """Return the pids of all PostgreSQL processes of this folder, found by what they are and where they work."""
        return [
            pid
            for pid, program, place in _postgres_processes()
            if place == str(self.path) or (program == "postgres" and _names(pid, self.path))
        ]

    def clear(self) -> None:
        """Remove a postmaster.pid that would stop a start: cut short, or naming a process that is not PostgreSQL.

        Call it only with the room held and without occupants. A file that names a dead process stays: the server
        knows what to do with it, and checks what we cannot see.
        """
        if not (self.path / "postmaster.pid").exists():
            return
        postmaster = self.postmaster()
        if postmaster is None or Path(f"/proc/{postmaster.pid}").exists():
            (self.path / "postmaster.pid").unlink()


def _initdb(user: Account, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command_for(user, signal.SIGTERM, command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment(),
            start_new_session=True,
            timeout=INITDB_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"initdb did not end within {INITDB_SECONDS:.0f} s.", hint="look at the disk.") from late
    if done.returncode != 0:
        output = done.stdout.decode(errors="replace").strip()[-800:]
        raise ConfigError(
            f"Creating the embedded database as uid {user.uid}: initdb ended with {done.returncode}: {output}",
            hint=MISSING_HINT,
        )


def _sync(folder: Path) -> None:
    """Make the folder's new name survive a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _postgres_processes() -> Iterator[tuple[int, str, str]]:
    """Yield pid, program and working folder of every PostgreSQL process that we may look at.

    A server works in its data folder, and so do its children, which call themselves `postgres: …`. What we may not
    look at runs under another uid, and PostgreSQL serves no folder of another uid.
    """
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            program = os.fsdecode((folder / "cmdline").read_bytes().split(b"\0")[0]).split("/")[-1]
            if program == "postgres" or program.startswith("postgres: "):
                yield int(folder.name), program, str((folder / "cwd").readlink())
        except OSError:
            continue


def _names(pid: int, path: Path) -> bool:
    """Tell whether a server names this folder on its command line: so it does before it works there."""
    try:
        return os.fsencode(path) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
