"""`vigil ledger`: whether the books are right, one user's account, and all of it for another program to check."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from bot import journal
from bot.ledger import format_credits
from bot.sql import sql
from supervisor.commands.reach import session
from supervisor.commands.terminal import clock_time, printable, say, say_json, table
from supervisor.database import Connection
from supervisor.errors import ExitCode, SupervisorError

OFFENDERS = 100
"""Of each offence, at most; one is too many."""
PATIENCE_SECONDS = 600.0
"""For one statement that reads the whole ledger."""
ROWS = 1_000
"""Fetched at once from the cursor of an export."""


def add_ledger_commands(verbs: Any) -> None:
    """Add the verb and its actions to the command line."""
    actions = verbs.add_parser("ledger", help="credits: whether the books are right").add_subparsers(
        metavar="ACTION", required=True
    )
    check = _leaf(actions, "check", "prove that the books are right; exit 1 with what is not")
    check.set_defaults(command=_check)
    account = _leaf(actions, "account", "one user's balances, open holds and last transactions")
    account.add_argument("user", metavar="USER", type=_user, help="the user's Telegram id")
    account.add_argument("--limit", metavar="N", type=_count, default=20, help="transactions (%(default)s)")
    account.set_defaults(command=_account)
    export = _leaf(actions, "export", "every entry, for another program; --json is one object a line")
    export.add_argument("--format", choices=journal.FORMATS, default="beancount", help="(%(default)s)")
    export.set_defaults(command=_export)


def _leaf(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    leaf: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    leaf.add_argument("--json", action="store_true", help="the documented fields as JSON")
    return leaf


def _user(text: str) -> int:
    number = int(text) if text.removeprefix("-").isdecimal() else 0
    if not number or abs(number) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is no Telegram id of a user")
    return number


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


async def _check(arguments: argparse.Namespace) -> int:
    async with session("Checking the ledger in") as connection, snapshot(connection):
        offences = [
            dict(row) for row in await connection.fetch(sql("ledger_check"), OFFENDERS, timeout=PATIENCE_SECONDS)
        ]
        size = dict(await connection.fetchrow(sql("ledger_size"), timeout=PATIENCE_SECONDS))
    if arguments.json:
        say_json({"ok": not offences, **size, "offences": offences})
    else:
        say("\n".join(check_lines(size, offences)))
    return ExitCode.FAILED if offences else ExitCode.OK


def snapshot(connection: Connection) -> Any:
    """Return a transaction that sees one moment, and can change nothing."""
    return connection.transaction(isolation="repeatable_read", readonly=True)


def check_lines(size: dict[str, Any], offences: Sequence[dict[str, Any]]) -> list[str]:
    """Return what the check found, for people."""
    seen = f"{size['transactions']:,} transactions, {size['entries']:,} entries, {size['users']:,} users"
    holds = f"{size['holds_open']:,} holds open, {size['holds_expired']:,} of them expired"
    if not offences:
        return [f"The books are right: {seen}; {holds}."]
    rows = [(row["offence"], str(row["id"]), printable(row["detail"])) for row in offences]
    return [
        f"The books are wrong in {len(offences)} places: {seen}; {holds}.",
        "",
        *table([("offence", "id", "what is found"), *rows]),
        "",
        "See docs/ledger.md for what each means and what to do.",
    ]


async def _account(arguments: argparse.Namespace) -> int:
    user = arguments.user
    async with session("Reading the ledger in") as connection, snapshot(connection):
        found = {row["name"]: row["balance"] for row in await connection.fetch(sql("account_balance"), user)}
        holds = [dict(row) for row in await connection.fetch(sql("hold_list"), user)]
        history = [dict(row) for row in await connection.fetch(sql("ledger_history"), user, arguments.limit)]
    if not found:
        raise SupervisorError(f"Reading the account of user {user}: there is none.", hint="is it the Telegram id?")
    if arguments.json:
        balances = {f"{name}_milli_credits": found[name] for name in ("available", "held")}
        say_json({"user": user, **balances, "holds": holds, "transactions": history})
    else:
        say("\n".join(account_lines(found, holds, history)))
    return ExitCode.OK


def account_lines(
    balances: dict[str, int], holds: Sequence[dict[str, Any]], history: Sequence[dict[str, Any]]
) -> list[str]:
    """Return one user's account, for people."""
    lines = [f"available  {format_credits(balances['available'])}", f"held       {format_credits(balances['held'])}"]
    if holds:
        rows = [
            (
                str(hold["id"]),
                format_credits(hold["amount"]),
                clock_time(hold["expires_at"]) + (" expired" if hold["is_expired"] else ""),
                f"generation {hold['generation']}, {hold['generation_state']}" if hold["generation"] else "-",
            )
            for hold in holds
        ]
        lines += ["", *table([("hold", "credits", "expires (UTC)", "for"), *rows])]
    moved = [
        (
            str(row["transaction"]),
            clock_time(row["posted_at"]),
            row["kind"],
            format_credits(row["available"]),
            format_credits(row["held"]),
            printable(row["key"]),
        )
        for row in history
    ]
    return [*lines, "", *table([("transaction", "posted (UTC)", "kind", "available", "held", "key"), *moved])]


async def _export(arguments: argparse.Namespace) -> int:
    form: journal.Format = "json" if arguments.json else arguments.format
    async with session("Exporting the ledger of") as connection, snapshot(connection):
        now = await connection.fetchval("SELECT now()")
        accounts = await connection.fetch(sql("ledger_accounts"), timeout=PATIENCE_SECONDS)
        _write(journal.head(form, accounts))
        cursor = await connection.cursor(sql("ledger_entries"), timeout=PATIENCE_SECONDS)
        last = None
        while rows := await cursor.fetch(ROWS, timeout=PATIENCE_SECONDS):
            _write(journal.body(form, rows, last))
            last = rows[-1]["id"]
        _write(journal.foot(form, accounts, now))
    return ExitCode.OK


def _write(lines: Iterable[str]) -> None:
    sys.stdout.writelines(chain.from_iterable((line, "\n") for line in lines))
