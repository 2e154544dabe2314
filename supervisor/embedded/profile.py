"""How durable an embedded server is and how much it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

INITDB_17 = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--set=huge_pages=off")
"""Since 17 sorting need not depend on the machine's locales, so an upgraded libc cannot corrupt an index."""
FIRST_WITH_BUILTIN_LOCALE = 17
FIRST_WITH_IO_METHOD = 18


@dataclass(frozen=True, slots=True)
class Profile:
    """Server settings and extra words for `initdb`."""

    settings: Mapping[str, str]
    initdb: tuple[str, ...] = ()

    def initdb_words(self, major: int) -> list[str]:
        """Return the options of `initdb` for this major."""
        locale = INITDB_17 if major >= FIRST_WITH_BUILTIN_LOCALE else ()
        fixed = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
        return [*fixed, *locale, *self.initdb]

    def server_words(self, major: int) -> list[str]:
        """Return the options of `postgres` for this major."""
        extra = {"io_method": "sync"} if major >= FIRST_WITH_IO_METHOD else {}
        return [word for name, value in {**self.settings, **extra}.items() for word in ("-c", f"{name}={value}")]


_SMALL = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_logical_replication_workers": "0",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    # Reserved by the machine and refused by a container, they end the server with a bus error.
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
}

DURABLE = Profile(
    MappingProxyType(
        _SMALL
        | {
            "max_wal_size": "256MB",
            "log_checkpoints": "off",
            # Statements and row contents stay out of the server's log: they may hold what users wrote.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        },
    ),
)
"""The one of `vigil run`: what was committed survives a power cut."""

THROWAWAY = Profile(
    MappingProxyType(
        _SMALL
        | {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "max_wal_size": "128MB",
        },
    ),
    initdb=("--no-sync",),
)
"""The one of tests: as fast as it gets, nothing survives."""
