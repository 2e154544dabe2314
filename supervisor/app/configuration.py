"""`vigil config show`: what is in effect, where it came from, and what follows for the lock."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from pydantic import SecretStr

from bot.settings import BotSettings
from supervisor import settings
from supervisor.errors import ExitCode
from supervisor.settings import Problem, Settings


def show(*, as_json: bool) -> int:
    """Print the settings; raise ConfigError with every problem when some are wrong."""
    problems: list[Problem] = []
    base = settings.read(Settings, problems)
    timing = settings.timing_of(base, problems) if base else None
    bot = settings.read(BotSettings, problems)
    settings.refuse(problems)
    assert base is not None and bot is not None and timing is not None  # noqa: PT018, S101 - `refuse` raised otherwise
    rows = [(name, _shown(value), source) for name, value, source in settings.effective((base, bot))]
    times = {name: value for name, value in asdict(timing).items() if isinstance(value, float)}
    if as_json:
        shown = {name: {"value": value, "source": source} for name, value, source in rows}
        sys.stdout.write(json.dumps({"settings": shown, "lock_seconds": times}, indent=2) + "\n")
        return ExitCode.OK
    width = max(len(name) for name, _, _ in rows)
    for name, value, source in rows:
        sys.stdout.write(f"{name:<{width}}  {value if value is not None else '-'!s:<32}  {source}\n")
    sys.stdout.write("\nThe lock's times in seconds:\n")
    for name, seconds in times.items():
        sys.stdout.write(f"  {name:<{width - 2}}  {seconds:g}\n")
    return ExitCode.OK


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, frozenset):
        return ", ".join(str(item) for item in sorted(value))
    return str(value)
