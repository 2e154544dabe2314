"""Connections to PostgreSQL: who is lost, how long anything may take, and transactions that end whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import chain, repeat
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import anyio
import asyncpg

from supervisor.errors import ConfigError, ExitCode, SupervisorError, Unavailable
from supervisor.pooler import is_direct, is_pooled, through_pooler
from telemetry import emit, events

Connection = Any
"""An asyncpg connection; the library publishes no types."""
Pool = Any
"""An asyncpg pool."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What a killed server looks like to a connection in the middle of a query; no relative of the others.
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    OSError,
    TimeoutError,
)
"""Everything asyncpg raises when the server went away. Not their parent OperatorInterventionError, which is also
raised for a statement that took too long."""

PASSING = (
    *LOST,
    # Deadlocks; what a lock, the server's own limits, a full disk or an operator made it give up.
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    # After a failover, until the standby is promoted.
    asyncpg.ReadOnlySQLTransactionError,
)
"""Everything after which the same transaction may succeed later: the server went away, or gave up this time."""

REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    # A setting in LINK_SETTINGS that the server does not know: it is older than PostgreSQL 14.
    asyncpg.UndefinedObjectError,
)
"""What asyncpg raises when the server answers and refuses us: waiting cannot help."""

REFUSED_HINT = "correct DATABASE_URL (user, password, host, port, database); the server must be PostgreSQL 15 or newer."
RIGHTS_HINT = "use the role that owns the schema, or give this one its rights; vigil doctor says which are missing."
UNREADABLE = (
    "an unreadable address (wanted is postgresql://NAME:PASSWORD@HOST:PORT/DATABASE; in a password, "
    "write / @ : ? # [ as %2F %40 %3A %3F %23 %5B)"
)

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 10.0
STATEMENT_MS = 5_000
IDLE_CONNECTION_SECONDS = 300.0
END_SECONDS = 2.0
"""How long a BEGIN, COMMIT, ROLLBACK or close may take; none of them is cancelled before."""
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
"""Whatever the server's default is: the fence refuses any other level, because its check would read an old snapshot."""
BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0)
BACKOFF_LIMIT_SECONDS = 2.0
LINK_SETTINGS = {
    # The server gives up a silent peer after about 11 s instead of two hours, and looks for it while it works.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "client_connection_check_interval": "2000",
}


class ConnectionLost(SupervisorError):
    """The database went away in the middle; trying again can help."""

    exit_code = ExitCode.UNAVAILABLE


async def connect(
    url: str,
    *,
    application_name: str,
    connect_seconds: float = CONNECT_SECONDS,
    command_seconds: float | None = COMMAND_SECONDS,
    settings: Mapping[str, str] | None = None,
) -> Connection:
    """Open a dedicated connection whose death the server notices within seconds, through a pooler as well as it goes."""
    wanted = {"application_name": application_name, **LINK_SETTINGS, **(settings or {})}
    limits = {"timeout": connect_seconds, "command_timeout": command_seconds}
    try:
        with suppress(asyncpg.ProtocolViolationError):
            # Raised by poolers that refuse settings they do not know.
            connection = await asyncpg.connect(url, server_settings=wanted, **limits)
            try:
                if await is_direct(connection):
                    return connection
            except BaseException:
                connection.terminate()
                raise
            connection.terminate()
        return await asyncpg.connect(url, **_pooled(wanted), **limits)
    except (ValueError, OverflowError):
        # Its text is not shown, and not kept as the cause: of a broken address it may quote a part of the password.
        raise ConfigError(
            f"Connecting to the database at {place(url)}: the address cannot be read.", hint=REFUSED_HINT
        ) from None


def _pooled(settings: Mapping[str, str]) -> dict[str, Any]:
    """Return how to connect through a pooler."""
    return {
        "server_settings": {"application_name": settings["application_name"]},
        "statement_cache_size": 0,
        "connection_class": through_pooler(settings),
    }


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Connection]:
    """Lend a dedicated connection, with the options of `connect`; close it, in bounded time, whatever happens."""
    connection = await connect(url, **options)
    try:
        yield connection
    finally:
        try:
            with anyio.fail_after(END_SECONDS, shield=True):
                await connection.close()
        except LOST:
            connection.terminate()


@asynccontextmanager
async def pool(url: str, *, size: int, application_name: str = "vigil") -> AsyncIterator[Pool]:
    """Lend a pool of at most `size` connections on which nothing lasts long; close it in bounded time."""
    settings = {
        "application_name": application_name,
        "statement_timeout": str(STATEMENT_MS),
        "idle_in_transaction_session_timeout": str(STATEMENT_MS),
        **LINK_SETTINGS,
    }
    async with connected(url, application_name=application_name) as probe:
        direct = not is_pooled(probe)
    opened = await asyncpg.create_pool(
        url,
        min_size=min(2, size),
        max_size=size,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        max_inactive_connection_lifetime=IDLE_CONNECTION_SECONDS,
        reset=_nothing_to_reset,
        **({"server_settings": settings} if direct else _pooled(settings)),
    )
    try:
        yield opened
    finally:
        # Cut short, `close` terminates every connection itself.
        with suppress(*LOST), anyio.fail_after(END_SECONDS, shield=True):
            await opened.close()


async def _nothing_to_reset(_: Connection) -> None:
    """Leave a connection as it is given back, its open transaction rolled back by asyncpg.

    Nothing else may outlast a transaction, since through a pooler nothing would; and asking the server to forget
    everything, as asyncpg does by default, is a round trip for every transaction.
    """


class NotCommitted(SupervisorError):
    """The block swallowed the failure of a statement, and COMMIT has rolled back: "done" would be a lie."""


@asynccontextmanager
async def transaction(
    connection: Connection, *, first: str = "", end_seconds: float = END_SECONDS
) -> AsyncIterator[Connection]:
    """Commit what the block did, or roll it back when it raised or was cancelled.

    `first` is a statement that is sent along with BEGIN, in one round trip; it takes no parameters, so nothing of
    anybody's may be in it. Neither is interrupted by a cancellation. A BEGIN, COMMIT or ROLLBACK that is lost or takes longer than `end_seconds`
    costs the connection, since its state is unknown; after such a COMMIT it is unknown too whether it happened.
    """
    begin = f"{BEGIN}; {first}" if first else BEGIN
    try:
        await _uninterrupted(connection, begin, end_seconds)
        yield connection
    except BaseException:
        # The server rolls back by itself what it lost; the news is what happened in the block.
        with suppress(*LOST):
            await _uninterrupted(connection, "ROLLBACK", end_seconds)
        raise
    if await _uninterrupted(connection, "COMMIT", end_seconds) != "COMMIT":
        raise NotCommitted("Committing: a statement had failed, so the server rolled back; nothing is kept.")


async def _uninterrupted(connection: Connection, statement: str, seconds: float) -> str:
    """Run the statement to its end and return its tag."""
    try:
        with anyio.fail_after(seconds, shield=True):
            tag: str = await connection.execute(statement)
            return tag
    except LOST:
        # A lost connection of a pool is the pool's already, and refuses to be terminated by us.
        with suppress(asyncpg.InterfaceError):
            connection.terminate()
        raise


async def wait_until_reachable(url: str, *, deadline_seconds: float = 60.0) -> None:
    """Return once the server answers; raise `Unavailable` after the deadline, `ConfigError` when it refuses us."""
    began = anyio.current_time()
    found: BaseException = TimeoutError("no answer")
    with anyio.move_on_after(deadline_seconds):
        for delay in chain(BACKOFF_SECONDS, repeat(BACKOFF_LIMIT_SECONDS)):
            try:
                async with connected(url, application_name="vigil probe") as connection:
                    await connection.fetchval("SELECT 1")
            except REFUSED as refusal:
                raise refused("Connecting to", url, refusal) from refusal
            except (*LOST, asyncpg.TooManyConnectionsError) as failure:
                found = failure
            else:
                emit(events.DatabaseRecovered(seconds=round(anyio.current_time() - began, 3)))
                return
            emit(events.DatabaseUnreachable(error=found, retry_seconds=delay))
            await anyio.sleep(delay)
    raise Unavailable(
        f"The database at {place(url)} could not be reached for {deadline_seconds:.0f} s: "
        f"{str(found) or type(found).__name__}",
        hint="start it, or correct DATABASE_URL.",
    ) from found


def refused(attempt: str, url: str, refusal: BaseException) -> ConfigError:
    """Say what the server has against us."""
    hint = RIGHTS_HINT if isinstance(refusal, asyncpg.InsufficientPrivilegeError) else REFUSED_HINT
    return ConfigError(f"{attempt} the database at {place(url)}: {refusal}", hint=hint)


def place(url: str) -> str:
    """Name host, port and database of a DSN; never the user or the password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return UNREADABLE
    is_address = url.startswith(("postgresql://", "postgres://"))
    if not is_address or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return UNREADABLE
    hosts = unquote(parts.netloc.rpartition("@")[2]) or ",".join(parse_qs(parts.query).get("host", ["localhost"]))
    return f"{hosts}{parts.path}"
