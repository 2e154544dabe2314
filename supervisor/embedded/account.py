"""Which user the embedded server runs as: ourselves, or, for root, a uid that nobody else uses."""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from supervisor.errors import ConfigError

OWN_UIDS = range(50_000, 60_000)
"""Above what distributions hand to people, below what systemd reserves (60001 and up)."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group id of the kernel; it need not have a name."""

    uid: int
    gid: int

    @property
    def has_a_name(self) -> bool:
        """Whether the user database knows the uid; `initdb` insists on that, the server does not."""
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            return False
        return True


def ourselves() -> Account:
    """Return the user this process runs as."""
    return Account(os.geteuid(), os.getegid())


def owner_of(path: Path) -> Account:
    """Return the user a file belongs to."""
    status = path.stat()
    return Account(status.st_uid, status.st_gid)


def own_uid(seed: str) -> Account:
    """Return a uid for the server of root: the same for the same `seed`, used by no program and no person here."""
    uid = choose_uid(seed, taken=_taken_uids(), mapped=_mapped_uids(Path("/proc/self/uid_map").read_text("ascii")))
    if uid is None:
        raise ConfigError(
            "Starting the embedded PostgreSQL as root: PostgreSQL refuses uid 0, and this container maps no other uid.",
            hint="set DATABASE_URL, or run Vigil as an unprivileged user.",
        )
    return Account(uid, uid)


def choose_uid(seed: str, *, taken: Callable[[int], bool], mapped: Iterable[range]) -> int | None:
    """Return the first free uid after a place that `seed` decides, or None when every one is taken or unmapped."""
    known = list(mapped)
    usable = [uid for uid in OWN_UIDS if any(uid in span for span in known)]
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") % len(OWN_UIDS)
    ordered = sorted(usable, key=lambda uid: (uid - OWN_UIDS.start - start) % len(OWN_UIDS))
    return next((uid for uid in ordered if not taken(uid)), None)


def unprivileged() -> Account:
    """Return an existing user without rights, for the one program that insists on a name."""
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ConfigError(
        "Creating the embedded database as root: initdb needs an unprivileged user with a name, and there is no nobody.",
        hint="add a user 'nobody' to /etc/passwd, or set DATABASE_URL.",
    )


def _mapped_uids(uid_map: str) -> list[range]:
    spans = (line.split() for line in uid_map.splitlines())
    return [range(int(inside), int(inside) + int(length)) for inside, _, length in spans]


def _taken_uids() -> Callable[[int], bool]:
    running = {path.stat().st_uid for path in _processes()}

    def taken(uid: int) -> bool:
        return uid in running or Account(uid, uid).has_a_name

    return taken


def _processes() -> Iterable[Path]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and path.exists():
            yield path
