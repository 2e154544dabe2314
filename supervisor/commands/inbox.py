"""`vigil inbox`: how full it is, what was given up, and giving that another try."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import anyio

from supervisor.commands.reach import session
from supervisor.commands.terminal import clock_time, printable, say, say_json, table
from supervisor.database import Connection
from supervisor.errors import ExitCode, SupervisorError
from supervisor.inbox import replay as orders
from supervisor.sql import sql

COUNTED = 1_000_000
"""Rows of a state that are counted; beyond it the number only says "or more"."""
LANES_COUNTED = 100_000
"""Waiting rows whose lanes are looked at, the oldest."""
RATED = 10_000
RATE_SECONDS = 60.0
OUTCOME_SECONDS = 10.0
"""How long a replay is waited for: its five starts are over after 4 to 8 s."""
TAKEN_SECONDS = 5.0
"""How long an ACTIVE is waited for that takes the order."""
POLL_SECONDS = 0.1
NEWEST = 2**63 - 1


async def stats(arguments: argparse.Namespace) -> int:
    """Show depth, age, rates and the fullest lanes; what it costs does not grow with the table."""
    async with session("Reading the inbox in") as connection:
        found = dict(await connection.fetchrow(sql("inbox_stats"), COUNTED, RATED, RATE_SECONDS))
        lanes = [dict(row) for row in await connection.fetch(sql("inbox_lanes"), LANES_COUNTED, arguments.lanes)]
    if arguments.json:
        say_json({**found, "counted_to": COUNTED, "lanes": lanes, "lanes_counted_to": LANES_COUNTED})
    else:
        say("\n".join(stats_lines(found, lanes)))
    return ExitCode.OK


def stats_lines(found: dict[str, Any], lanes: Sequence[dict[str, Any]]) -> list[str]:
    """Return the state of the inbox for people."""
    counts = {state: _count(found[state]) for state in ("ready", "claimed", "done", "dead")}
    oldest = found["oldest_seconds"]
    head = [
        f"ready      {counts['ready']}" + (f", the oldest for {oldest:.1f} s" if oldest is not None else ""),
        f"claimed    {counts['claimed']}",
        f"done       {counts['done']}  kept for two days, to reject duplicates",
        f"dead       {counts['dead']}" + ("  see them: vigil inbox dead" if found["dead"] else ""),
        f"arrivals   {found['arrived_per_second']:.2f} a second in the last minute",
        f"handled    {found['done_per_second']:.2f} a second in the last minute",
    ]
    if not lanes:
        return head
    rows = [(printable(lane["lane"]), f"{lane['rows']:,}", f"{lane['oldest_seconds']:.1f} s") for lane in lanes]
    return [*head, "", *table([("fullest lanes", "rows", "oldest"), *rows])]


def _count(number: int) -> str:
    return f"{number:,}" + (" or more" if number >= COUNTED else "")


async def dead(arguments: argparse.Namespace) -> int:
    """List dead letters, newest first; their bodies, which hold what users wrote, only if asked for."""
    before = NEWEST if arguments.before is None else arguments.before
    async with session("Reading the dead letters in") as connection:
        rows = await connection.fetch(sql("inbox_letters"), arguments.limit, before, arguments.body)
    found = [_letter(dict(row)) for row in rows]
    rest = found[-1]["id"] if len(found) == arguments.limit else None
    if arguments.json:
        say_json({"dead": found, "before": rest})
    elif not found:
        say("There is no dead letter." if arguments.before is None else f"There is no dead letter before {before}.")
    else:
        say("\n".join(dead_lines(found, rest)))
    return ExitCode.OK


def _letter(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row as it is told; bytes of a body that are no UTF-8 are written as escapes."""
    body = row.pop("body")
    return row if body is None else {**row, "body": body.decode("utf-8", "backslashreplace")}


def dead_lines(found: Sequence[dict[str, Any]], rest: int | None) -> list[str]:
    """Return dead letters for people; what came from outside cannot move their terminal's cursor."""
    head = ("id", "source", "lane", "died (UTC)", "starts", "reason")
    body = [
        (
            str(row["id"]),
            row["source"],
            printable(row["lane"]),
            clock_time(row["died_at"] or row["received_at"]),
            str(row["attempts"]),
            printable(row["reason"] or "-"),
        )
        for row in found
    ]
    lines = table([head, *body])
    for row in found:
        if "body" in row:
            lines += ["", f"{row['id']}, {row['bytes']:,} bytes:", printable(row["body"])]
    if rest is not None:
        lines += ["", f"There may be more: --before {rest}"]
    return lines


async def replay(arguments: argparse.Namespace) -> int:
    """Ask the ACTIVE to handle dead letters again, and wait a moment for what comes of it."""
    wanted = list(dict.fromkeys(arguments.ids))
    async with session("Replaying dead letters in") as connection:
        _refuse(await _look(connection, wanted))
        await orders.ask(connection, wanted)
        outcomes = [_outcome(row) for row in await _settled(connection, wanted)]
    if arguments.json:
        say_json(outcomes)
    else:
        say("\n".join(outcome_line(outcome) for outcome in outcomes))
    return ExitCode.OK if all(_is_well(outcome) for outcome in outcomes) else ExitCode.FAILED


def _is_well(outcome: dict[str, Any]) -> bool:
    """Tell whether it is handled, or waits for its turn and has not failed so far."""
    return outcome["state"] == "done" or (outcome["state"] in {"ready", "claimed"} and outcome["reason"] is None)


async def _look(connection: Connection, wanted: Sequence[int]) -> list[dict[str, Any]]:
    keys = [orders.key(row_id) for row_id in wanted]
    return [dict(row) for row in await connection.fetch(sql("inbox_outcome"), wanted, keys)]


def _refuse(found: Sequence[dict[str, Any]]) -> None:
    """Raise for the first row that cannot be replayed; then nothing is asked for any of them."""
    for row in found:
        attempt = f"Replaying row {row['id']}:"
        if row["state"] is None:
            raise SupervisorError(f"{attempt} there is none; nothing was changed.", hint="vigil inbox dead")
        if row["state"] != "dead":
            why = f", {row['last_error']}" if row["state"] == "done" and row["last_error"] else ""
            raise SupervisorError(
                f"{attempt} it is {row['state']}{why}; nothing was changed.", hint="vigil inbox dead lists what can be."
            )
        if row["lane"] == orders.UNREADABLE_LANE:
            raise SupervisorError(
                f"{attempt} its body is no update, so no handler could ever read it; nothing was changed.",
                hint=f"vigil inbox dead --limit 1 --before {row['id'] + 1} --body",
            )


async def _settled(connection: Connection, wanted: Sequence[int]) -> list[dict[str, Any]]:
    """Return what has come of the orders, once all are settled or the time is up."""
    began = anyio.current_time()
    while True:
        found = await _look(connection, wanted)
        is_taken = all(row["order_state"] == "dead" or row["again_id"] is not None for row in found)
        patience = OUTCOME_SECONDS if is_taken else TAKEN_SECONDS
        if all(_is_settled(row) for row in found) or anyio.current_time() - began >= patience:
            return found
        await anyio.sleep(POLL_SECONDS)


def _is_settled(row: dict[str, Any]) -> bool:
    return row["order_state"] == "dead" or row["again_state"] in {"done", "dead"}


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    """Return one outcome as it is told: `state` is the new row's, or `accepted` or `refused` when there is none."""
    if row["again_id"] is not None:
        state, reason = row["again_state"], row["again_error"]
    elif row["order_state"] == "dead":
        state, reason = "refused", row["order_error"]
    else:
        state, reason = "accepted", None
    return {
        "id": row["id"],
        "replayed_as": row["again_id"],
        "state": state,
        "attempts": row["again_attempts"],
        "reason": reason,
        "order": row["order_id"],
    }


def outcome_line(outcome: dict[str, Any]) -> str:
    """Return one outcome for people."""
    letter, again, order = outcome["id"], f"{outcome['id']} → {outcome['replayed_as']}", outcome["order"]
    reason = printable(outcome["reason"] or "no reason was noted")
    match outcome["state"]:
        case "accepted":
            return (
                f"{letter} stored as order {order}: the next instance that is ACTIVE replays it. See: vigil lock show"
            )
        case "refused":
            return f"{letter} refused: {reason} (row {order}, which can be replayed itself)"
        case "dead":
            return f"{again} dead again: {reason}"
        case "done":
            return f"{again} done"
        case state if outcome["reason"] is None:
            return f"{again} {state}: it waits for its turn, or is being handled"
        case state:
            return (
                f"{again} {state}, tried again: {outcome['attempts']} starts so far, the last failure: {reason}. "
                "Look again: vigil inbox dead"
            )
