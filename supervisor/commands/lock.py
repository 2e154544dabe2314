"""`vigil lock` and `vigil handover`: who leads, who led, and how to change that."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio

from supervisor import control, handover
from supervisor.commands.reach import base_settings, session
from supervisor.commands.terminal import clock_time, say, say_json, table
from supervisor.control.client import Closed, NotRunning
from supervisor.database import Connection
from supervisor.errors import ExitCode, SupervisorError
from supervisor.handover import Holding
from supervisor.sql import sql

HANDOVER_SECONDS = 30.0
POLL_SECONDS = 0.05
BEACONS = {
    "held": "held by the holder's session",
    "free": "free: the holder's session is gone",
    "none": "none: behind a pooler, or not taken yet",
}


async def show(arguments: argparse.Namespace) -> int:
    """Show the lease; exit 1 when nobody holds it."""
    async with session("Reading the lease in") as connection:
        rows = [dict(row) for row in await connection.fetch(sql("lock_show"))]
    if arguments.json:
        say_json(rows)
    elif not rows:
        say("No instance has ever led on this database.")
    for row in () if arguments.json else rows:
        say("\n".join(lease_lines(row)))
    return ExitCode.OK if any(row["state"] == "held" for row in rows) else ExitCode.FAILED


def lease_lines(row: dict[str, Any]) -> list[str]:
    """Return one lease for people."""
    ended = {"free": "never again: released", "broken": "never again: an operator has broken it"}
    held = row["state"] == "held"
    lines = [
        f"state      {row['state']}",
        f"epoch      {row['epoch']}  timeline {row['timeline']}",
        f"holder     {row['instance_id'] or '-'}{'' if held or not row['instance_id'] else ', until it was broken'}",
        f"heartbeat  {f'''{row['heartbeat_age']:.1f} s ago''' if held else ended[row['state']]}",
        f"expires    {_until(row['expires_in']) if held else '-'}",
        f"beacon     {BEACONS[row['beacon']] if held else '-'}",
    ]
    if row["token_epoch"] != row["epoch"]:
        lines.append(
            f"WRONG      lock_epoch says {row['token_epoch'] or 'nothing'}: both are written together by lock_claim"
        )
    return lines


def _until(seconds: float) -> str:
    return f"in {seconds:.1f} s" if seconds >= 0 else f"{-seconds:.1f} s ago: the holder is gone or cut off"


async def history(arguments: argparse.Namespace) -> int:
    """Show what happened to the lock, newest first."""
    async with session("Reading the lock's history in") as connection:
        rows = [dict(row) for row in await connection.fetch(sql("event_list"), arguments.limit)]
    if arguments.json:
        say_json(rows)
    elif not rows:
        say("No instance has ever led on this database.")
    else:
        head = ("time (UTC)", "epoch", "what", "reason", "instance")
        body = [
            (clock_time(row["at"]), str(row["epoch"]), row["kind"], row["reason"], row["instance_id"]) for row in rows
        ]
        say("\n".join(table([head, *body])))
    return ExitCode.OK


async def break_(arguments: argparse.Namespace) -> int:
    """End the term that was seen at --epoch; refuse when it is another one by now."""
    async with session("Breaking the lease in") as connection:
        lease = await _own_lease(connection)
        is_broken = lease is not None and await connection.fetchval(
            sql("lock_break"), lease["lock_key"], arguments.epoch
        )
        if not is_broken:
            raise _unbreakable(arguments.epoch, await _own_lease(connection))
    assert lease is not None  # noqa: S101 - nothing was broken otherwise
    if arguments.json:
        say_json({"broken": True, "epoch": arguments.epoch, "instance_id": lease["instance_id"]})
        return ExitCode.OK
    say(f"Epoch {arguments.epoch} of {lease['instance_id']} is broken.")
    say(
        "Expect: that instance ends its work and stands by; an instance that runs begins the next epoch within a second,"
    )
    say("and from then on the database refuses whatever is still written under the old one. See it: vigil lock history")
    return ExitCode.OK


async def _own_lease(connection: Connection) -> Any:
    """Return the lease that has a token; a row that somebody put there has none, and cannot be led by anybody."""
    rows = await connection.fetch(sql("lock_show"))
    return next((row for row in rows if row["token_epoch"] is not None), None)


def _unbreakable(epoch: int, lease: Any) -> SupervisorError:
    attempt = f"Breaking epoch {epoch}:"
    if lease is None:
        return SupervisorError(f"{attempt} no instance has ever led on this database.", hint="vigil lock show")
    if lease["state"] == "held":
        return SupervisorError(
            f"{attempt} the current epoch is {lease['epoch']}, held by {lease['instance_id']}; nothing was changed.",
            hint=f"vigil lock show; if that is the one to be broken: vigil lock break --epoch {lease['epoch']}",
        )
    return SupervisorError(
        f"{attempt} epoch {lease['epoch']} is the current one and {lease['state']} already; nothing was changed.",
        hint="an instance that runs begins the next one by itself: vigil status",
    )


async def hand_over(arguments: argparse.Namespace) -> int:
    """Ask the ACTIVE, wherever it is, to give leadership away; wait until another term has begun."""
    async with AsyncExitStack() as stack:
        before, look = await _ask(arguments, stack)
        after = await _next_term(before, look)
    if after is None:
        raise SupervisorError(
            f"{before.holder} still leads in epoch {before.epoch}, {HANDOVER_SECONDS:g} s after it was asked.",
            hint="vigil status and its log tell what its work waits for.",
        )
    if arguments.json:
        say_json({"before": _told(before), "after": _told(after)})
    elif after.holder == before.holder:
        say(f"{after.holder} leads again: epoch {before.epoch} → {after.epoch}. Nobody else took it.")
    else:
        say(f"{before.holder} (epoch {before.epoch}) → {after.holder} (epoch {after.epoch})")
    return ExitCode.OK


Look = Callable[[], Awaitable[Holding]]


async def _ask(arguments: argparse.Namespace, stack: AsyncExitStack) -> tuple[Holding, Look]:
    """Ask through an instance of this machine, else through the database; return who led, and how to look again."""
    home = base_settings().vigil_home
    instance = await _here(home, arguments.instance)
    if instance is not None:
        found = await instance.ask("handover", force=arguments.force)

        async def by_socket() -> Holding:
            status = await instance.ask("status")
            return Holding(status["epoch"] or 0, status["holder"], 0)

        return Holding(found["epoch"], found["holder"], found["standbys"]), by_socket
    connection = await stack.enter_async_context(session("Asking for a handover in"))
    before = await Holding.look(connection)
    before.refuse(force=arguments.force)
    await handover.ask(connection, before)
    return before, lambda: Holding.look(connection)


async def _here(home: Path, wanted: str | None) -> control.Instance | None:
    """Return the instance to ask: any of this home will do, unless one is named."""
    if wanted is not None:
        return await control.choose(home, wanted)
    try:
        return next(iter(await control.running(home)), None)
    except Closed:
        # Whoever runs there listens to the database as well.
        return None


async def _next_term(before: Holding, look: Look) -> Holding | None:
    with anyio.move_on_after(HANDOVER_SECONDS):
        while True:
            try:
                after = await look()
            except NotRunning:
                sys.stderr.write("vigil: the instance that was asked has ended; vigil lock show tells who leads.\n")
                raise
            if after.is_over(before):
                return after
            await anyio.sleep(POLL_SECONDS)
    return None


def _told(holding: Holding) -> dict[str, Any]:
    return {name: value for name, value in asdict(holding).items() if name != "standbys"}
