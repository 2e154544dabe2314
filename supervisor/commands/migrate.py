"""`vigil migrate`: the schema's files, what is in effect, what is pending, and whether the history tells the truth."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from supervisor.commands.reach import base_settings, database_url
from supervisor.commands.terminal import clock_time, say, say_json
from supervisor.errors import ExitCode
from supervisor.migration import Line, Migration, Plan, State
from supervisor.migration_audit import Finding, baseline_migrations, repair_migrations, verify_migrations
from supervisor.migrator import apply_migrations_safe, migration_plan, migration_status


async def apply(arguments: argparse.Namespace) -> int:
    """Apply every pending pre file."""
    async with database_url(base_settings(), create=True) as url:
        outcome = await apply_migrations_safe(url, allow_late=arguments.allow_out_of_order)
    if arguments.json:
        say_json({"applied": outcome.applied, "held_back": outcome.held_back, "unknown": outcome.unknown}, indent=None)
        return ExitCode.OK
    for name in outcome.applied:
        say(f"applied    {name}")
    for name in outcome.held_back:
        say(f"held back  {name}  (a post file: only a new-version ACTIVE applies it)")
    for name in outcome.unknown:
        say(f"unknown    {name}  (applied by a newer build)")
    if not outcome.applied:
        say("Nothing to apply.")
    return ExitCode.OK


async def status(arguments: argparse.Namespace) -> int:
    """Show every migration and its state; exit 1 unless every pre file is in effect as it stands here, and none failed."""
    async with database_url(base_settings()) as url:
        found = await migration_status(url)
    ok = found.ok and not any(line.state is State.FAILED and line.phase for line in found.lines)
    if arguments.json:
        say_json({"ok": ok, "count": found.count, "migrations": [asdict(line) for line in found.lines]}, indent=None)
    for line in () if arguments.json else found.lines:
        when = clock_time(line.applied_at) if line.applied_at else ""
        say(f"{line.state.value:<10} {line.name:<32} {when} {line.error or ''}".rstrip())
    return ExitCode.OK if ok else ExitCode.FAILED


async def plan(arguments: argparse.Namespace) -> int:
    """Show what apply would do, in order, with what to look at before; exit 1 when apply would refuse."""
    async with database_url(base_settings()) as url:
        steps, found = await migration_plan(url)
    lines = {line.name: line for line in found.lines}
    files = [(migration, "now") for migration in steps.pending]
    files += [(migration, "by the next ACTIVE of this version") for migration in steps.held_back]
    shown = [
        {
            "name": migration.name,
            "phase": migration.phase.value,
            "when": when,
            "warnings": _warnings(migration, steps, lines[migration.name]),
        }
        for migration, when in files
    ]
    if arguments.json:
        say_json({"files": shown, "unknown": steps.unknown, "refused": bool(steps.late)}, indent=None)
    else:
        for file in shown:
            say(f"{file['phase']:<5} {file['name']:<32} {file['when']}")
            for warning in file["warnings"]:
                say(f"      - {warning}")
        if not shown:
            say("Nothing to apply.")
    return ExitCode.FAILED if steps.late else ExitCode.OK


def _warnings(migration: Migration, steps: Plan, line: Line) -> list[str]:
    found = [f"removes data: {removal}" for removal in migration.removals]
    if migration.index:
        found.append(f"builds the index {migration.index} without a transaction, beside the traffic")
    if migration.name in steps.late:
        found.append("older than a file in effect: refused without --allow-out-of-order")
    if line.attempts:
        found.append(f"{line.state.value} after {line.attempts} attempts: {line.error or 'interrupted'}")
    return found


async def verify(arguments: argparse.Namespace) -> int:
    """Compare history, files and schema; exit 1 when they contradict each other."""
    async with database_url(base_settings()) as url:
        found = await verify_migrations(url)
    if arguments.json:
        say_json({"ok": not found, "findings": [asdict(finding) for finding in found]}, indent=None)
    elif not found:
        say("History, files and schema agree.")
    else:
        _say_findings(found)
    return ExitCode.FAILED if found else ExitCode.OK


async def repair(arguments: argparse.Namespace) -> int:
    """Put the history right where that can be proved; exit 1 when something is left."""
    async with database_url(base_settings()) as url:
        done = await repair_migrations(url)
    if arguments.json:
        say_json(asdict(done), indent=None)
    else:
        _say_findings(done.changed)
        _say_findings(done.left)
        if not done.changed and not done.left:
            say("Nothing to repair.")
    return ExitCode.FAILED if done.left else ExitCode.OK


async def baseline(arguments: argparse.Namespace) -> int:
    """Record what is in effect already, after proving it; refuse when the schema is not exactly what our files make."""
    async with database_url(base_settings()) as url:
        names = await baseline_migrations(url)
    if arguments.json:
        say_json({"recorded": names}, indent=None)
    else:
        for name in names:
            say(f"recorded   {name}")
        if not names:
            say("Nothing to record.")
    return ExitCode.OK


def _say_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        say(f"{finding.name:<32} {finding.text}")
