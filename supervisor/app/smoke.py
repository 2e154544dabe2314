"""`vigil smoke`: whether a running production works; nothing is changed, what cannot be tested is told as a skip."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import anyio
import asyncpg

from bot import catalogue
from bot.catalogue import Catalogue, CatalogueError
from supervisor import check
from supervisor.app import mode
from supervisor.app.mode import Reading
from supervisor.check import Check, failed, passed, skipped
from supervisor.commands.reach import session
from supervisor.commands.terminal import say, say_json
from supervisor.database import LOST, Connection
from supervisor.embedded.room import Room
from supervisor.errors import SupervisorError
from supervisor.migrator import check_migrations_status
from supervisor.settings import Settings
from supervisor.sql import sql
from supervisor.term import lock_key_for

CHECK_SECONDS = 10.0
WANTED_MODELS = 70
MODEL = "z-image"
MODEL_INPUTS = frozenset({"prompt", "aspect_ratio"})
OLD_SECONDS = 60.0
"""So long an update that waits is normal; beyond it nobody works on the inbox."""
OF_DATABASE = ("migrations", "heartbeat", "inbox", "ledger")


async def run(arguments: argparse.Namespace) -> int:
    """Test what production needs; exit 0 only if nothing failed."""
    reading = await mode.read(arguments)
    checks = [settings(reading)]
    checks += [found async for found in _database(reading)]
    checks += models(catalogue.load)
    if arguments.json:
        say_json(check.as_json(checks))
    else:
        say("\n".join(check.lines(checks)))
    return check.exit_code(checks)


def settings(reading: Reading) -> Check:
    """Tell whether the environment is complete and right."""
    if reading.problems:
        wrong = ", ".join(sorted({problem.variable for problem in reading.problems}))
        return failed("settings", f"missing or wrong: {wrong}", "vigil config check")
    return passed("settings", f"complete and right ({reading.why})")


def models(load: Callable[[], Catalogue]) -> list[Check]:
    """Tell whether the catalogue can be sold from."""
    try:
        found = load()
    except CatalogueError as error:
        return [failed("models", error.problems[0], "correct the catalogue; all problems: vigil models lint")]
    model = found.get(MODEL)
    if model is None:
        return [
            failed("models", f"{len(found)} models, {MODEL} is not among them", "restore its entry in the catalogue")
        ]
    checks = [passed("models", f"the catalogue loads, {MODEL} is in it")]
    enough = f"{len(found)} of at least {WANTED_MODELS} models"
    checks.append(
        passed("model count", enough)
        if len(found) >= WANTED_MODELS
        else failed("model count", enough, "restore the catalogue of this build: vigil models lint")
    )
    if lacking := MODEL_INPUTS - set(model.inputs):
        hint = "restore them in the catalogue: plain text is routed to this model"
        return [*checks, failed(MODEL, f"takes no {', '.join(sorted(lacking))}", hint)]
    return [*checks, passed(MODEL, "takes prompt and aspect_ratio")]


async def _database(reading: Reading) -> AsyncIterator[Check]:
    """Test what lies in the database, each check by itself; without one, all but the first are skipped."""
    try:
        async with session("Testing", _with_database(reading.base)) as connection:
            yield passed("database", "answers")
            for name, test in _tests(reading).items():
                yield await _tried(name, partial(test, connection))
    except SupervisorError as failure:
        yield failed("database", str(failure), failure.hint or "vigil doctor")
        for name in OF_DATABASE:
            yield skipped(name, "the database cannot be used")


def _with_database(base: Settings | None) -> Settings:
    """Return the settings of a database that is there: a test of production makes none."""
    if base is None:
        raise SupervisorError("the settings do not say where it is", hint="vigil config check")
    if base.direct_url is None and not Room(base.vigil_home).data.exists():
        raise SupervisorError(f"there is none in {base.vigil_home}", hint="vigil run makes it; or set DATABASE_URL")
    return base


def _tests(reading: Reading) -> dict[str, Callable[[Connection], Awaitable[Check]]]:
    key = None if reading.bot is None else lock_key_for(reading.bot.bot_id)
    return dict(zip(OF_DATABASE, (migrations, partial(heartbeat, key), inbox, ledger), strict=True))


async def _tried(name: str, test: Callable[[], Awaitable[Check]]) -> Check:
    try:
        with anyio.fail_after(CHECK_SECONDS):
            return await test()
    except (asyncpg.PostgresError, *LOST) as failure:
        return failed(name, str(failure) or type(failure).__name__, "vigil doctor")


async def migrations(connection: Connection) -> Check:
    """Tell whether every migration that this build needs is in effect."""
    is_ok, count = await check_migrations_status(connection)
    if not is_ok:
        return failed("migrations", f"{count} in effect, not all that this build needs", "vigil migrate status")
    return passed("migrations", f"{count} in effect, all that this build needs")


async def heartbeat(lock_key: int | None, connection: Connection) -> Check:
    """Tell whether the heartbeat's functions work and renew nothing for whom they do not know; nobody's beat changes."""
    if lock_key is None:
        return skipped("heartbeat", "without TELEGRAM_BOT_TOKEN nobody knows which lock to look at")
    nobody = f"smoke-{secrets.token_hex(4)}"
    for query in ("smoke_heartbeat", "lock_probe"):
        if await connection.fetchval(sql(query), lock_key, nobody) is not False:
            found = "it renews for an instance that does not exist"
            return failed("heartbeat", found, "vigil migrate verify: somebody has changed the lock's functions")
    return passed("heartbeat", "update_lock_heartbeat and lock_renew work, and renew nothing for a stranger")


async def inbox(connection: Connection) -> Check:
    """Tell whether the inbox answers and somebody works on it."""
    row = await connection.fetchrow(sql("smoke_inbox"))
    found = (
        f"{row['ready']} ready, {row['claimed']} claimed, {row['dead']} dead; the oldest waits {row['oldest']:.0f} s"
    )
    if row["oldest"] > OLD_SECONDS:
        return failed("inbox", found, "nobody works on it: vigil status, vigil lock show")
    return passed("inbox", found)


async def ledger(connection: Connection) -> Check:
    """Tell whether the money adds up, and whether what makes each posting happen once is in force."""
    row = await connection.fetchrow(sql("smoke_ledger"))
    wrong = [
        text
        for amount, text in (
            (row["total"], f"all entries together come to {row['total']}, not 0"),
            (row["uneven"], f"{row['uneven']} transactions do not sum to zero"),
            (row["balances"], f"{row['balances']} balances do not follow from their entries"),
            (row["holds"], f"{row['holds']} users have other holds than their account says"),
        )
        if amount
    ]
    wrong += [f"{guard['missing']} is absent or off" for guard in await connection.fetch(sql("smoke_guards"))]
    if wrong:
        return failed("ledger", "; ".join(wrong), "stop selling and look: somebody has changed the database by hand")
    return passed("ledger", f"{row['transactions']} transactions sum to zero; every posting can happen only once")
