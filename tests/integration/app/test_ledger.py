"""`vigil ledger` on a real database: what it proves, what it shows, and books that another program agrees with."""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot import accounts
from bot.ledger import Payment
from supervisor.cli import parser
from supervisor.database import transaction
from supervisor.errors import ExitCode, SupervisorError

KEY = 11
TABLES = ("ledger_account", "ledger_transaction", "ledger_entry", "ledger_hold", "ledger_rollup", "generation")
Run = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def run(home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command line; return its exit code and what it printed."""
    monkeypatch.setenv("VIGIL_HOME", str(home))
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def call(*words: str) -> tuple[int, str]:
        arguments: argparse.Namespace = parser().parse_args(["ledger", *words])
        code = await arguments.command(arguments)
        return code, capsys.readouterr().out

    return call


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Any]:
    """A connection of a term, in whose books two users have done everything once."""
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    await connection.execute("SELECT lock_claim($1, 'test', 600000, NULL, NULL, 'free')", KEY)
    async with fenced(connection):
        for user in (5, 6):
            await accounts.ensure(connection, user, "en", 20_000)
        await accounts.topup(connection, 5, 100_001, Payment("stars", 'a "quoted" \\ key'))
        await accounts.refund(connection, 5, 999_999, Payment("stars", "charge-1"))
        await accounts.grant(connection, 5, 7_000, 1)
        await accounts.adjust(connection, 5, -500, 1)
        await accounts.refer(connection, 6, 20_000, 5)
        for reference, amount in ((1, 800), (2, 100), (3, 300)):
            await accounts.hold(connection, 5, amount, reference, seconds=60)
        await accounts.release(connection, 2, 2)
    await quoted(connection, 1, 800)
    async with fenced(connection):
        await connection.execute("UPDATE generation SET state = 'charged', settled_at = now() WHERE hold_id = 1")
        await accounts.charge(connection, 1, 1, 799)
    yield connection
    await connection.close()


def fenced(connection: Any) -> Any:
    """Return a transaction of the term."""
    return transaction(connection, first=f"SELECT lock_fence({KEY}, 1)")


async def quoted(connection: Any, hold: int, price: int) -> None:
    """Let a generation be delivered that the hold pays for."""
    async with fenced(connection):
        row = await connection.fetchval(
            "INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price) "
            "VALUES (5, 5, 'chat:5', 'z-image', '{}', $1) RETURNING id",
            price,
        )
        await connection.execute(
            "UPDATE generation SET state = 'held', hold_id = $1, task_id = 't' WHERE id = $2", hold, row
        )
        for state in ("submitting", "submitted", "succeeded", "delivered"):
            await connection.execute("UPDATE generation SET state = $1 WHERE id = $2", state, row)


async def cheat(connection: Any, *statements: str) -> None:
    """Write as somebody who has switched the rules off."""
    for switch in ("DISABLE", "ENABLE"):
        if switch == "ENABLE":
            for statement in statements:
                await connection.execute(statement)
        for table in TABLES:
            await connection.execute(f"ALTER TABLE {table} {switch} TRIGGER USER")


async def test_right_books_are_proved(db: Any, run: Run) -> None:
    """Exit 0, and how much was looked at."""
    code, told = await run("check", "--json")
    found = json.loads(told)
    assert (code, found["ok"], found["offences"]) == (ExitCode.OK, True, [])
    assert {name: found[name] for name in ("transactions", "entries", "users", "holds_open", "holds_expired")} == {
        "transactions": 12,
        "entries": 25,
        "users": 2,
        "holds_open": 1,
        "holds_expired": 0,
    }
    assert "The books are right: 12 transactions" in (await run("check"))[1]


WRONG = {
    "unbalanced": ("UPDATE ledger_entry SET amount = amount + 1 WHERE id = 1", 1),
    "empty": ("INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('grant', 'x', '')", 13),
    "orphan": (
        """ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_transaction_id_fkey;
           INSERT INTO ledger_entry (transaction_id, account_id, amount) SELECT 999, id, 5 FROM ledger_account WHERE user_id = 6""",
        26,
    ),
    "drift": ("UPDATE ledger_account SET balance = balance + 1 WHERE user_id = 5 AND name = 'available'", 6),
    "negative": (
        """ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_never_below_zero;
           UPDATE ledger_account SET balance = -1 WHERE user_id = 6 AND name = 'held'""",
        9,
    ),
    "uncovered": ("UPDATE ledger_hold SET amount = 299 WHERE id = 3", 7),
    "unearned": ("UPDATE generation SET state = 'released' WHERE hold_id = 1", 1),
    "total": ("UPDATE ledger_rollup SET posts = posts + 1 WHERE kind = 'topup'", None),
    "total of credits": ("UPDATE ledger_rollup SET credits = credits + 1 WHERE kind = 'charge'", None),
    "stranded": ("UPDATE ledger_hold SET expires_at = now() WHERE id = 3", 3),
    "overdue": (
        """INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price, state, hold_id, deadline_at)
           VALUES (5, 5, 'chat:5', 'z-image', '{}', 300, 'held', 3, now() - interval '61 minutes')""",
        3,
    ),
}


@pytest.mark.parametrize(("offence", "statement", "culprit"), [(name, *wrong) for name, wrong in WRONG.items()])
async def test_each_offence_is_found_with_what_offends(
    db: Any, run: Run, offence: str, statement: str, culprit: int | None
) -> None:
    """Exit 1, the id, and what is found, for programs and for people."""
    await cheat(db, statement)
    offence = offence.partition(" ")[0]
    code, told = await run("check", "--json")
    found = json.loads(told)
    assert (code, found["ok"]) == (ExitCode.FAILED, False)
    assert culprit in {None, *(each["id"] for each in found["offences"] if each["offence"] == offence)}
    code, told = await run("check")
    assert code == ExitCode.FAILED
    assert re.search(rf"(?m)^{offence} ", told), told


async def test_every_offence_that_the_check_knows_is_tried_here() -> None:
    """A new one needs a case of its own."""
    text = (Path(accounts.__file__).parent / "sql" / "ledger_check.sql").read_text(encoding="utf-8")
    assert set(re.findall(r"\(SELECT '([a-z]+)'", text)) == {name.partition(" ")[0] for name in WRONG}


async def test_an_account_is_shown_with_its_holds_and_its_last_transactions(db: Any, run: Run) -> None:
    """Newest first, as many as asked for; of somebody unknown there is none."""
    code, told = await run("account", "5", "--limit", "2", "--json")
    found = json.loads(told)
    assert (code, found["user"], found["available_milli_credits"], found["held_milli_credits"]) == (0, 5, 5_401, 300)
    assert [(hold["id"], hold["amount"], hold["is_expired"], hold["generation"]) for hold in found["holds"]] == [
        (3, 300, False, None)
    ]
    moved = [(row["kind"], row["key"], row["available"], row["held"]) for row in found["transactions"]]
    assert moved == [("charge", "charge:1", 1, -800), ("release", "release:2", 100, -100)]
    assert "hold:3" in (await run("account", "5"))[1]
    with pytest.raises(SupervisorError, match="user 404: there is none"):
        await run("account", "404")


async def test_another_program_agrees_with_the_exported_books(db: Any, run: Run) -> None:
    """Beancount's rules, in a few lines of our own: every transaction sums to zero, every asserted balance is the sum."""
    code, told = await run("export")
    assert code == ExitCode.OK
    opened = set(re.findall(r"(?m)^1970-01-01 open (\S+) CREDIT$", told))
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    blocks = re.findall(r'(?m)^\d{4}-\d\d-\d\d \* "([a-z]+)" "((?:[^"\\]|\\.)*)"\n((?:  .+\n)+)', told)
    assert len(blocks) == told.count(" * ") == 12
    for kind, key, lines in blocks:
        entries = re.findall(r"(?m)^  (\S+:\S+)  (-?\d+\.\d{3}) CREDIT$", lines)
        assert sum(Decimal(amount) for _, amount in entries) == 0, (kind, key)
        assert len(entries) == lines.count("\n") - 1
        for account, amount in entries:
            assert account in opened
            sums[account] += Decimal(amount)
    asserted = re.findall(r"(?m)^\d{4}-\d\d-\d\d balance (\S+)  (-?\d+\.\d{3}) CREDIT$", told)
    assert {account: Decimal(amount) for account, amount in asserted} == {
        account: sums[account] for account in opened if account.startswith("Liabilities:")
    }
    assert sums["Income:Revenue"] == Decimal("-0.799")


async def test_csv_and_json_say_the_same_to_the_milli_credit(db: Any, run: Run) -> None:
    """One row an entry; both sum to what the account shows."""
    rows = list(csv.DictReader(io.StringIO((await run("export", "--format", "csv"))[1])))
    lines = [json.loads(line) for line in (await run("export", "--json"))[1].splitlines()]
    assert [{name: str(value or "") for name, value in line.items()} for line in lines] == rows
    available = sum(Decimal(row["credits"]) for row in rows if (row["user"], row["account"]) == ("5", "available"))
    assert (available, len(rows)) == (Decimal("5.401"), 25)
    assert 'topup:stars:a "quoted" \\ key' in {row["key"] for row in rows}


async def test_an_export_is_one_moment_and_is_not_held_in_memory(
    db: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes through the entries in portions, and no portion cuts a transaction in two."""
    whole = await run("export")
    monkeypatch.setattr("supervisor.app.ledger.ROWS", 1)
    assert await run("export") == whole


@pytest.mark.parametrize(
    "words", [("account", "0"), ("account", "x"), ("account", "9" * 30), ("export", "--format", "xml")]
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 64, one line and a hint."""
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(["ledger", *words])
    assert refused.value.code == ExitCode.USAGE
    assert "Try: vigil ledger" in capsys.readouterr().err
