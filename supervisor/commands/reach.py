"""What a verb needs before it can begin: the settings, the database's address, and refusals as errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from supervisor import settings
from supervisor.database import (
    LOST,
    REFUSED,
    Connection,
    ConnectionLost,
    connected,
    place,
    refused,
    wait_until_reachable,
)
from supervisor.embedded import at_hand
from supervisor.embedded.room import Room
from supervisor.errors import SupervisorError
from supervisor.settings import Problem, Settings

REACH_SECONDS = 5.0
MISSING = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
"""What asyncpg raises when the schema is older than this build."""


def base_settings() -> Settings:
    """Return the supervisor's settings; raise ConfigError with every problem when some are wrong."""
    problems: list[Problem] = []
    base = settings.read(Settings, problems)
    settings.refuse(problems)
    assert base is not None  # noqa: S101 - `refuse` raised otherwise
    return base


@asynccontextmanager
async def database_url(base: Settings, *, create: bool = False) -> AsyncIterator[str]:
    """Lend the database's address: the configured one, the running embedded server's, or one started for the block.

    A command that only looks makes no database.
    """
    if base.direct_url is not None:
        await wait_until_reachable(base.direct_url, deadline_seconds=REACH_SECONDS)
        yield base.direct_url
        return
    if not create and not Room(base.vigil_home).data.exists():
        raise SupervisorError(
            f"There is no database in {base.vigil_home} yet.", hint="vigil run --sandbox makes one; or set DATABASE_URL"
        )
    async with at_hand(base.vigil_home) as url:
        yield url


@asynccontextmanager
async def session(attempt: str, base: Settings | None = None) -> AsyncIterator[Connection]:
    """Lend a connection for one verb; `attempt` begins the sentence when the database refuses it ("Reading …")."""
    async with database_url(base or base_settings()) as url:
        try:
            async with connected(url, application_name="vigil command") as connection:
                yield connection
        except MISSING as missing:
            raise SupervisorError(
                f"{attempt} the database at {place(url)}: it has no lock yet, or an older one ({missing}).",
                hint="vigil migrate apply",
            ) from missing
        except asyncpg.ReadOnlySQLTransactionError as read_only:
            raise SupervisorError(
                f"{attempt} the database at {place(url)}: the server is read-only.",
                hint="use the primary's address: a standby leads nothing.",
            ) from read_only
        except REFUSED as refusal:
            raise refused(attempt, url, refusal) from refusal
        except LOST as failure:
            raise ConnectionLost(
                f"{attempt} the database at {place(url)}: {str(failure) or type(failure).__name__}.",
                hint="is it running? vigil doctor",
            ) from failure
        except asyncpg.PostgresError as failure:
            # A lock that is held for too long, a server that is out of room: nothing of ours is wrong.
            raise SupervisorError(
                f"{attempt} the database at {place(url)}: {failure}.", hint="try again; vigil doctor looks further."
            ) from failure
