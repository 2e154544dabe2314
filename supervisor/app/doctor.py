"""`vigil doctor`: one line a check of everything that could keep this machine from running Vigil well."""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import asyncpg

from bot import inspection
from bot.errors import InvalidSetup
from bot.inspection import WebhookState
from bot.settings import BotSettings
from supervisor import check
from supervisor.app import mode
from supervisor.app.mode import Reading
from supervisor.check import Check, failed, passed, skipped, warned
from supervisor.commands.reach import database_url
from supervisor.commands.terminal import say, say_json
from supervisor.database import LOST, connected, place
from supervisor.doctor import database, machine
from supervisor.doctor.database import Facts
from supervisor.embedded.room import Room
from supervisor.errors import SupervisorError
from supervisor.home import resolve_home
from supervisor.pooler import is_pooled
from supervisor.settings import Settings
from supervisor.timing import PROFILES, Timing

DATABASE_SECONDS = 15.0
WEBHOOK_SECONDS = 15.0
RECENT = timedelta(hours=1)
MANY_PENDING = 1000
DOCKER = Path("/.dockerenv")


async def run(arguments: argparse.Namespace) -> int:
    """Look at everything, change nothing; exit 1 when something failed."""
    reading = await mode.read(arguments)
    checks = [check async for check in _checks(reading)]
    if arguments.json:
        say_json(check.as_json(checks))
    else:
        say("\n".join(check.lines(checks)))
    return check.exit_code(checks)


async def _checks(reading: Reading) -> AsyncIterator[Check]:
    base, bot = reading.base, reading.bot
    yield machine.names()
    yield machine.clock()
    yield machine.kill_timer()
    for found in settings(reading):
        yield found
    yield timing(reading.timing)
    yield machine.home(base.vigil_home if base else resolve_home())
    if base is None:
        yield skipped("database", "the settings say not where it is")
    else:
        yield machine.grace(base.shutdown_grace, os.environ, in_docker=_in_docker())
        for found in await _database(base, bot):
            yield found
    yield await _webhook(bot, in_sandbox=reading.sandbox)


def _in_docker() -> bool:
    return DOCKER.exists()


def settings(reading: Reading) -> list[Check]:
    """Tell what is wrong with the settings, and what only looks right."""
    checks = [
        failed("settings", f"{each.variable}: {each.text}", "vigil config check")
        for each in dict.fromkeys(reading.problems)
    ]
    checks += [warned("settings", f"{each.variable}: {each.text}", "correct or remove it") for each in reading.warnings]
    return checks or [passed("settings", f"all are right ({reading.why})")]


def timing(times: Timing | None) -> Check:
    """Tell whether the lock's times keep two ACTIVEs apart."""
    if times is None:
        return skipped("timing", "the settings do not say the lock's times")
    is_own = times != PROFILES.get(times.profile)
    return passed(
        "timing",
        f"profile {times.profile}{', changed by LOCK_*' if is_own else ''}: renewed every {times.renew:g} s, "
        f"stops itself by {times.hard:g} s, a standby waits {times.lease:g} s",
    )


async def _database(base: Settings, bot: BotSettings | None) -> list[Check]:
    """Read the database once and judge what was found; one check when it cannot be read."""
    if base.direct_url is None and not Room(base.vigil_home).data.exists():
        return [skipped("database", "embedded, and not made yet; vigil run makes it")]
    attempt = place(base.direct_url) if base.direct_url else f"embedded, in {base.vigil_home}"
    try:
        with anyio.fail_after(DATABASE_SECONDS):
            async with database_url(base) as url, _direct(url) as facts:
                pooled = await _is_pooled(base)
    except SupervisorError as failure:
        return [failed("database", str(failure), failure.hint or "correct DATABASE_URL")]
    except (*LOST, asyncpg.PostgresError) as failure:
        found = f"{attempt}: {str(failure) or type(failure).__name__}"
        return [failed("database", found, "is it running, and may this machine reach it?")]
    bot_id = None if bot is None else bot.bot_id
    verdicts = database.judge(facts, pooled_url=pooled, bot_id=bot_id, pool_size=base.db_maxconn)
    return [passed("database", f"{attempt} answers"), *verdicts]


@asynccontextmanager
async def _direct(url: str) -> AsyncIterator[Facts]:
    async with connected(url, application_name="vigil doctor") as connection:
        yield await Facts.read(connection)


async def _is_pooled(base: Settings) -> bool | None:
    """Tell whether DATABASE_URL goes through a pooler; None when it is the address that was read already."""
    if base.database_url is None or base.database_url_direct is None:
        return None
    url = base.database_url.get_secret_value()
    async with connected(url, application_name="vigil doctor") as connection:
        return is_pooled(connection)


async def _webhook(bot: BotSettings | None, *, in_sandbox: bool) -> Check:
    if bot is None:
        return skipped("webhook", "no bot is configured")
    try:
        with anyio.fail_after(WEBHOOK_SECONDS):
            found = await inspection.webhook_state(bot)
    except InvalidSetup as refusal:
        return failed("webhook", str(refusal), refusal.hint)
    except (inspection.Unanswered, TimeoutError) as failure:
        if in_sandbox:
            return skipped("webhook", "the sandbox's Telegram does not run")
        reason = str(failure) or "no answer"
        return failed("webhook", f"Telegram could not be asked: {reason}", "may this machine reach TELEGRAM_API_URL?")
    return webhook(found, bot.mode, datetime.now(UTC))


def webhook(state: WebhookState, wanted: str, now: datetime) -> Check:
    """Tell whether updates reach this bot as the settings want it."""
    if wanted == "polling":
        if state.is_set:
            return warned(
                "webhook",
                "Telegram has a webhook, the settings mean polling",
                "the next ACTIVE removes it; or set WEBHOOK_BASE_URL",
            )
        return passed("webhook", "none, as polling needs it")
    if not state.host_matches:
        found = "Telegram has another webhook" if state.is_set else "Telegram has none yet"
        return warned(
            "webhook",
            f"{found} than WEBHOOK_BASE_URL says" if state.is_set else found,
            "the next ACTIVE sets it; two programs with one token take it from each other",
        )
    waiting = f"{state.pending} updates wait there"
    if state.last_error and state.last_error_at and now - state.last_error_at < RECENT:
        minutes = (now - state.last_error_at).total_seconds() / 60
        return warned(
            "webhook",
            f"set, {waiting}; {minutes:.0f} min ago: {state.last_error}",
            "is WEBHOOK_BASE_URL reachable from outside?",
        )
    if state.pending > MANY_PENDING:
        return warned("webhook", f"set, but {waiting}", "vigil status; is this instance ready?")
    return passed("webhook", f"set as the settings want it; {waiting}")
