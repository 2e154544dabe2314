"""Checks of the database: each takes what was read and judges it; `read` asks once, on one direct connection."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

from supervisor.check import Check, failed, passed, skipped, warned
from supervisor.database import Connection
from supervisor.migrator import check_migrations_status
from supervisor.pooler import is_pooled
from supervisor.sql import sql
from supervisor.term import lock_key_for

OLDEST = 15
MAJOR = 10_000
"""PostgreSQL 15.4 says 150004."""
CLOCK_SECONDS = 5.0
BESIDE_POOL = 4
"""Connections of one instance besides its pool: the keeper's, the inbox writer's, and for moments a migrator's and that
of the look whether a database that seemed lost is there."""
ABSENT = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
APPLY = "vigil migrate apply"


@dataclass(frozen=True, slots=True)
class Facts:
    """What one look at a database found; None where the schema has no such thing yet, or it may not be read."""

    server: Mapping[str, Any]
    pooled: bool
    clock_offset: float
    lacking: Sequence[str]
    functions: Sequence[str]
    migrations: tuple[bool, int] | None
    bot: Mapping[str, Any] | None
    leases: Sequence[Mapping[str, Any]] | None

    @classmethod
    async def read(cls, connection: Connection) -> Self:
        """Ask everything; changes nothing."""
        sent = time.time()
        server = await connection.fetchrow(sql("doctor_server"))
        # The server read its clock somewhere between the two readings of ours.
        offset = server["clock"] - (sent + time.time()) / 2
        return cls(
            server=dict(server),
            pooled=is_pooled(connection),
            clock_offset=offset,
            lacking=[row["missing"] for row in await connection.fetch(sql("doctor_rights"))],
            functions=[row["missing"] for row in await connection.fetch(sql("ready_check"))],
            migrations=await _if_there(check_migrations_status(connection)),
            bot=await _if_there(connection.fetchrow(sql("doctor_bot"))),
            leases=await _if_there(connection.fetch(sql("lock_show"))),
        )


async def _if_there(asking: Any) -> Any:
    try:
        return await asking
    except (*ABSENT, asyncpg.InsufficientPrivilegeError):
        return None


def version(facts: Facts) -> Check:
    """Tell whether the server is new enough."""
    found = f"PostgreSQL {facts.server['version_text']}"
    if facts.server["version"] < OLDEST * MAJOR:
        return failed("server", f"{found} is too old", f"PostgreSQL {OLDEST} or newer is needed")
    return passed("server", found)


def writable(facts: Facts) -> Check:
    """Tell whether this is the server that writes."""
    if facts.server["read_only"]:
        hint = "point DATABASE_URL at the primary; a standby of PostgreSQL leads nothing"
        return failed("writable", "the server is read-only", hint)
    return passed("writable", "the server takes writes")


def clock(offset: float) -> Check:
    """Tell how far the server's wall clock is from ours; the lock's safety depends on neither."""
    side = "ahead of" if offset > 0 else "behind"
    found = f"the database's clock is {abs(offset):.2f} s {side} this machine's"
    if abs(offset) > CLOCK_SECONDS:
        hint = "synchronise both (NTP): harmless to the lock, which compares no wall clocks, but times in logs mislead"
        return warned("clock offset", found, hint)
    return passed("clock offset", found)


def rights(facts: Facts) -> Check:
    """Tell whether this role may do what an instance does."""
    if facts.lacking:
        hint = "connect as the owner of the schema, or let it grant these"
        return failed("rights", f"this role may not: {'; '.join(facts.lacking)}", hint)
    return passed("rights", "this role may create, write and end its own sessions")


def functions(facts: Facts) -> Check:
    """Tell whether the lock's functions are there and permitted."""
    if facts.functions:
        return failed("lock functions", f"missing or not permitted: {', '.join(facts.functions)}", APPLY)
    return passed("lock functions", "all are there and permitted")


def migrations(facts: Facts) -> Check:
    """Tell whether every migration of this build is in effect."""
    is_ok, count = facts.migrations or (False, 0)
    if not is_ok:
        return failed(
            "migrations", f"{count} in effect, not all that this build needs", f"vigil migrate status, then {APPLY}"
        )
    return passed("migrations", f"{count} in effect, all that this build needs")


def pooler(pooled_url: bool | None, facts: Facts) -> Check:
    """Tell whether a pooler stands between us and the connection that keeps the lock; `pooled_url`: of DATABASE_URL."""
    if facts.pooled:
        return warned(
            "pooler",
            "the lock's connection goes through a pooler: lease-only mode, as safe, but a killed ACTIVE is replaced "
            "only when its lease has run out",
            "set DATABASE_URL_DIRECT to an address that reaches PostgreSQL itself",
        )
    if pooled_url:
        return passed("pooler", "DATABASE_URL goes through one, the lock's connection does not")
    return passed("pooler", "none between this machine and the server")


def owner(facts: Facts, bot_id: int | None) -> Check:
    """Tell whether the database was given to this bot."""
    if bot_id is None:
        return skipped("bot", "no TELEGRAM_BOT_TOKEN to compare with")
    if facts.bot is None or facts.bot["bot_id"] is None:
        return passed("bot", f"the database belongs to nobody yet; bot {bot_id} will be the first")
    theirs = facts.bot["bot_id"]
    hint = "give each bot a database of its own: DATABASE_URL, or another VIGIL_HOME"
    if theirs != str(bot_id):
        return failed("bot", f"the database belongs to bot {theirs}, the token is bot {bot_id}'s", hint)
    if facts.bot["lock_key"] not in {None, lock_key_for(bot_id)}:
        return failed("bot", f"lock_epoch holds a row of another lock ({facts.bot['lock_key']})", hint)
    return passed("bot", f"the database belongs to bot {bot_id}")


def lease(leases: Sequence[Mapping[str, Any]] | None) -> Check:
    """Tell whether the lease row says something that can be."""
    if leases is None:
        return skipped("lease", "there is no lock in this schema yet, or it may not be read")
    if not leases:
        return passed("lease", "nobody has ever led")
    if len(leases) > 1:
        keys = ", ".join(str(row["lock_key"]) for row in leases)
        return failed(
            "lease", f"lock_heartbeat has rows of several locks: {keys}", "one bot a database; delete the foreign row"
        )
    return _one_lease(leases[0])


def _one_lease(row: Mapping[str, Any]) -> Check:
    holder, epoch, state = row["instance_id"], row["epoch"], row["state"]
    if epoch != row["token_epoch"]:
        found = f"lock_heartbeat says epoch {epoch}, lock_epoch says {row['token_epoch']}"
        return failed(
            "lease", found, "somebody wrote them by hand; stop all instances, then set both to the larger one"
        )
    if state != "held":
        return passed("lease", f"{state} after epoch {epoch}; whoever runs next leads")
    if row["expires_in"] < 0:
        found = f"{holder} let epoch {epoch} expire {-row['expires_in']:.0f} s ago and nobody took over"
        return warned("lease", found, "start an instance: vigil run")
    return passed("lease", f"{holder} leads in epoch {epoch}, heartbeat {row['heartbeat_age']:.1f} s ago")


def connections(facts: Facts, pool_size: int) -> Check:
    """Tell whether one more instance would find room."""
    server = facts.server
    most = min(server["connections"], server["role_limit"] or server["connections"])
    left, needed = most - server["used"], pool_size + BESIDE_POOL
    found = f"{left} of {most} are free, {server['ours']} are ours; an instance takes up to {needed}"
    if left < needed:
        return warned(
            "connections", found, "raise max_connections, lower DB_MAXCONN, or put a pooler before the workload"
        )
    return passed("connections", found)


def judge(facts: Facts, *, pooled_url: bool | None, bot_id: int | None, pool_size: int) -> Collection[Check]:
    """Return every check of a database that could be read."""
    return (
        version(facts),
        writable(facts),
        clock(facts.clock_offset),
        rights(facts),
        functions(facts),
        migrations(facts),
        pooler(pooled_url, facts),
        owner(facts, bot_id),
        lease(facts.leases),
        connections(facts, pool_size),
    )
