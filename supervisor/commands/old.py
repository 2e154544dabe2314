"""The verbs that need only the kernel: status, migrate, lock, db."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import anyio
import anyio.to_thread
import asyncpg

from supervisor import settings
from supervisor.database import REFUSED, connected, place, refused, wait_until_reachable
from supervisor.embedded import at_hand
from supervisor.errors import ExitCode, SupervisorError
from supervisor.migrator import apply_migrations_safe, migration_status
from supervisor.settings import Problem, Settings
from supervisor.sql import sql

STATUS_SECONDS = 3.0
REACH_SECONDS = 5.0
WATCH_SECONDS = 2.0


async def status(arguments: argparse.Namespace) -> int:
    """Show what the running instance says of itself."""
    base = _settings()
    host = "127.0.0.1" if base.ops_host in {"0.0.0.0", "::"} else base.ops_host  # noqa: S104 - compared, not bound
    while True:
        found = await anyio.to_thread.run_sync(_fetch_status, host, base.ops_port)
        if found is None:
            sys.stderr.write(f"vigil: no instance answers on {host}:{base.ops_port}.\n")
            sys.stderr.write("Try: vigil run; OPS_HOST and OPS_PORT say where it is.\n")
            code = ExitCode.NOT_RUNNING
        else:
            _say(json.dumps(found, indent=2) if arguments.json else "\n".join(_status_lines(found)))
            code = ExitCode.OK if found["status"] == "ok" else ExitCode.FAILED
        if not arguments.watch:
            return code
        await anyio.sleep(WATCH_SECONDS)


async def migrate_apply(arguments: argparse.Namespace) -> int:
    """Apply every pending pre file."""
    async with _database_url(_settings()) as url:
        outcome = await apply_migrations_safe(url)
    if arguments.json:
        _say(json.dumps({"applied": outcome.applied, "held_back": outcome.held_back, "unknown": outcome.unknown}))
        return ExitCode.OK
    for name in outcome.applied:
        _say(f"applied    {name}")
    for name in outcome.held_back:
        _say(f"held back  {name}  (a post file: only a new-version ACTIVE applies it)")
    for name in outcome.unknown:
        _say(f"unknown    {name}  (applied by a newer build)")
    if not outcome.applied:
        _say("Nothing to apply.")
    return ExitCode.OK


async def migrate_status(arguments: argparse.Namespace) -> int:
    """Show every migration and its state; exit 1 unless every pre file is in effect as it stands here."""
    async with _database_url(_settings()) as url:
        found = await migration_status(url)
    if arguments.json:
        _say(
            json.dumps(
                {"ok": found.ok, "count": found.count, "migrations": [asdict(line) for line in found.lines]},
                default=str,
            )
        )
    for line in () if arguments.json else found.lines:
        when = f"{line.applied_at:%Y-%m-%d %H:%M:%S}" if line.applied_at else ""
        _say(f"{line.state.value:<10} {line.name:<32} {when} {line.error or ''}".rstrip())
    return ExitCode.OK if found.ok else ExitCode.FAILED


async def lock_show(arguments: argparse.Namespace) -> int:
    """Show the lease; exit 1 when nobody holds it."""
    async with _database_url(_settings()) as url, connected(url, application_name="vigil lock show") as session:
        try:
            rows = [dict(row) for row in await session.fetch(sql("lock_show"))]
        except asyncpg.UndefinedTableError as missing:
            raise SupervisorError(
                f"The database at {place(url)} has no lock yet.", hint="vigil migrate apply"
            ) from missing
        except REFUSED as refusal:
            raise refused("Reading the lease in", url, refusal) from refusal
    if arguments.json:
        _say(json.dumps(rows, indent=2, default=str))
    elif not rows:
        _say("No instance has ever led on this database.")
    for row in () if arguments.json else rows:
        held = row["state"] == "held"
        age = f"{row['heartbeat_age']:.1f} s ago" if held else "never again: released"
        _say(f"state      {row['state']}\nepoch      {row['epoch']}\nholder     {row['instance_id'] or '-'}")
        _say(f"heartbeat  {age}\nexpires    {_until(row['expires_in']) if held else '-'}")
    return ExitCode.OK if any(row["state"] == "held" for row in rows) else ExitCode.FAILED


async def db_serve(_arguments: argparse.Namespace) -> int:
    """Run the embedded PostgreSQL alone until a signal."""
    from supervisor.embedded.alone import serve_alone

    await serve_alone(_settings().vigil_home)
    return ExitCode.OK


def _until(seconds: float) -> str:
    return f"in {seconds:.1f} s" if seconds >= 0 else f"{-seconds:.1f} s ago: the holder is gone or cut off"


def _settings() -> Settings:
    problems: list[Problem] = []
    base = settings.read(Settings, problems)
    settings.refuse(problems)
    assert base is not None  # noqa: S101 - `refuse` raised otherwise
    return base


@asynccontextmanager
async def _database_url(base: Settings) -> AsyncIterator[str]:
    """Lend the database's address: the configured one, the running embedded server's, or one started for the block."""
    if base.direct_url is not None:
        await wait_until_reachable(base.direct_url, deadline_seconds=REACH_SECONDS)
        yield base.direct_url
        return
    async with at_hand(base.vigil_home) as url:
        yield url


def _fetch_status(host: str, port: int) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection(host, port, timeout=STATUS_SECONDS)
    try:
        connection.request("GET", "/status")
        body: Any = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    # Another program may listen there, and speak JSON too.
    return body if isinstance(body, dict) and "lock_state" in body else None


def _status_lines(found: Mapping[str, Any]) -> list[str]:
    age, waiting = found["heartbeat_age_seconds"], found["takeover_in_seconds"]
    lines = [
        f"status     {found['status']}" + ("" if found["ready"] else f"  not ready: {', '.join(found['not_ready'])}"),
        f"role       {found['role']} ({found['lock_state']})"
        + (f", taking over in {waiting:.0f} s" if waiting else ""),
        f"instance   {found['instance_id']}  version {found['version']}  up {found['uptime_seconds']:.0f} s",
        f"lock       epoch {found['epoch'] or '-'}, holder {found['holder'] or '-'}, heartbeat "
        + ("-" if age is None else f"{age:.1f} s ago"),
        f"inbox      {', '.join(f'{key} {value:g}' for key, value in found['inbox'].items()) or '-'}",
        f"loop lag   {found['loop_lag_seconds'] * 1000:.0f} ms at most",
    ]
    lines += [
        f"  {child['name']:<14} {child['state']:<9} restarts {child['restarts']}"
        + (f"  last error: {child['last_error']}" if child["last_error"] else "")
        for child in found["children"]
    ]
    return lines


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
