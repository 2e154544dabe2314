"""How a command reads the settings: as the daemon of this home does, which may run beside a sandbox."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic_settings import BaseSettings

from bot import catalogue
from bot.catalogue import CatalogueError
from bot.settings import BotSettings
from supervisor import control, settings
from supervisor.app import sandbox
from supervisor.errors import SupervisorError
from supervisor.home import resolve_home
from supervisor.settings import ENV_FILE, Problem, Settings
from supervisor.strays import strays
from supervisor.timing import Timing

SANDBOX = "sandbox"
MODELS: tuple[type[BaseSettings], ...] = (Settings, BotSettings)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the settings say, and what is wrong with them; the values are None when they cannot be read."""

    sandbox: bool
    why: str
    base: Settings | None
    bot: BotSettings | None
    timing: Timing | None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


async def read(arguments: argparse.Namespace) -> Reading:
    """Read as `--sandbox` says, else as the instance that runs in this home was started.

    Whoever gives a bot's token asks about that bot, whatever else runs here.
    """
    if getattr(arguments, "sandbox", False):
        return reading(with_sandbox=True, why="as vigil run --sandbox reads them")
    if not settings.environment().get("TELEGRAM_BOT_TOKEN") and await _sandbox_runs():
        return reading(with_sandbox=True, why="an instance of this home runs so")
    return reading(with_sandbox=False, why="the real bot")


def reading(*, with_sandbox: bool, why: str) -> Reading:
    """Read the settings in one way."""
    problems: list[Problem] = []
    env_file = None if with_sandbox else ENV_FILE
    base = settings.read(Settings, problems, env_file)
    timing = settings.timing_of(base, problems) if base else None
    if with_sandbox:
        os.environ.update(sandbox.environment(base.sandbox_port if base else 0, base.port if base else 0))
    bot = settings.read(BotSettings, problems, env_file)
    problems.extend(_unknown_models(bot) if bot else ())
    warned = [*(settings.warnings(base, timing) if base and timing else ()), *stray(with_sandbox=with_sandbox)]
    return Reading(with_sandbox, why, base, bot, timing, problems, warned)


def complete(found: Reading) -> tuple[Settings, BotSettings, Timing]:
    """Return what was read; raise ConfigError with every problem when some are wrong."""
    settings.refuse(found.problems)
    assert found.base is not None and found.bot is not None and found.timing is not None  # noqa: PT018, S101 - see above
    return found.base, found.bot, found.timing


def stray(*, with_sandbox: bool) -> Iterator[Problem]:
    """Yield a warning for every variable that looks like a setting and is none."""
    known = {name for model in MODELS for _, names in settings.variables(model) for name in names}
    yield from strays(settings.environment(None if with_sandbox else ENV_FILE), known)


def _unknown_models(bot: BotSettings) -> Iterator[Problem]:
    """Yield a problem for every free model that is not on sale."""
    if not bot.free_models:
        return
    try:
        known = catalogue.load()
    except CatalogueError:
        # Said, with all that is wrong in it, by whoever sells from it.
        return
    for model_id in sorted(bot.free_models - known.models.keys()):
        yield Problem("FREE_MODELS", f"{model_id!r} is no model on sale; vigil models list shows those that are")


async def _sandbox_runs() -> bool:
    problems: list[Problem] = []
    base = settings.read(Settings, problems)
    try:
        for instance in await control.running(base.vigil_home if base else resolve_home()):
            if (await instance.ask("status")).get("mode") == SANDBOX:
                return True
    except SupervisorError:
        # Whoever cannot be asked says nothing about it; the settings are shown as they would be without.
        pass
    return False
