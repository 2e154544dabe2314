"""`vigil config`: what is in effect, where it came from, what follows for the lock, and whether it is right."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pydantic import SecretStr

from supervisor import settings
from supervisor.app import mode, sandbox
from supervisor.commands.terminal import say, say_json, table
from supervisor.errors import ExitCode
from supervisor.settings import ENV_FILE, Problem


async def show(arguments: argparse.Namespace) -> int:
    """Print the settings; raise ConfigError with every problem when some are wrong."""
    found = await mode.read(arguments)
    base, bot, timing = mode.complete(found)
    from_sandbox = set(sandbox.environment(0, 0)) | {"ADMIN_IDS"} if found.sandbox else set()
    rows = [
        (name, _shown(value), mode.SANDBOX if name in from_sandbox else source)
        for name, value, source in settings.effective((base, bot), None if found.sandbox else ENV_FILE)
    ]
    times = {name: value for name, value in asdict(timing).items() if isinstance(value, float)}
    named = mode.SANDBOX if found.sandbox else bot.mode
    if arguments.json:
        say_json(
            {
                "mode": named,
                "settings": {name: {"value": value, "source": source} for name, value, source in rows},
                "lock_seconds": times,
                "warnings": [asdict(warned) for warned in found.warnings],
            }
        )
        return ExitCode.OK
    say(f"Mode: {named} ({found.why}){'; .env is not read' if found.sandbox else ''}\n")
    say("\n".join(table((name, value if value is not None else "-", source) for name, value, source in rows)))
    say(f"\nThe lock's times in seconds (profile {timing.profile}):")
    say("\n".join(table((f"  {name}", f"{seconds:g}") for name, seconds in times.items())))
    _warn(found.warnings)
    return ExitCode.OK


async def check(arguments: argparse.Namespace) -> int:
    """Say whether the daemon would start with these settings; raise ConfigError with every problem when not."""
    found = await mode.read(arguments)
    if arguments.json:
        problems = [asdict(problem) for problem in dict.fromkeys(found.problems)]
        say_json({"ok": not problems, "problems": problems, "warnings": [asdict(warned) for warned in found.warnings]})
        return ExitCode.CONFIG if problems else ExitCode.OK
    _warn(found.warnings)
    base, bot, _ = mode.complete(found)
    say(f"The settings are right. Mode: {mode.SANDBOX if found.sandbox else bot.mode}; VIGIL_HOME {base.vigil_home}")
    return ExitCode.OK


def _warn(warnings: Iterable[Problem]) -> None:
    sys.stdout.flush()
    for warned in warnings:
        sys.stderr.write(f"warning: {warned.variable}: {warned.text}\n")


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, frozenset):
        return ", ".join(str(item) for item in sorted(value))
    return str(value)
