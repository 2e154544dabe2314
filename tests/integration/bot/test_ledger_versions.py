"""During a deploy an instance of the version before still posts: with its statements, under the rules of this one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import accounts
from bot.accounts import Balance

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank

OLD = Path(__file__).parents[1] / "supervisor" / "migration" / "old_version" / "bot"


def old(name: str) -> str:
    """Return a statement of the version before."""
    return (OLD / f"{name}.sql").read_text(encoding="utf-8")


async def post(connection: Any, kind: str, entries: dict[str, int]) -> int:
    """Post as that version did, which made the hash itself; return the transaction's id."""
    lines = "\n".join([f"{kind} 5", *sorted(f"{name} {amount}" for name, amount in entries.items())])
    key, digest = f"{kind}:1", hashlib.sha256(lines.encode()).digest()
    row = await connection.fetchrow(old("ledger_post"), kind, key, digest, 5, [*entries], [*entries.values()])
    assert row["entries"] == len(entries)
    posted: int = row["id"]
    return posted


async def test_what_the_version_before_posts_is_in_the_books_and_found_under_its_key(bank: Bank) -> None:
    """A hold and its partial charge by old statements; the new code asked for the same returns the same, and moves nothing."""
    async with bank.transaction() as connection:
        await accounts.ensure(connection, 5, "en", 20_000)
    async with bank.transaction() as connection:
        posted = await post(connection, "hold", {"available": -800, "held": 800})
        hold = await connection.fetchval(old("hold_open"), 5, 800, posted, 60.0)
    async with bank.transaction() as connection:
        assert await accounts.hold(connection, 5, 800, 1, seconds=60) == hold
        posted = await post(connection, "charge", {"held": -800, "revenue": 500, "available": 300})
        await connection.execute(old("hold_resolve"), hold, "charged", posted)
    async with bank.transaction() as connection:
        await accounts.charge(connection, hold, 1, 500)
        assert await accounts.balance(connection, 5) == Balance(19_500, 0)
    totals = await bank.value("SELECT json_object_agg(kind, credits::bigint)::text FROM ledger_rollup")
    assert totals == '{ "welcome" : 20000, "hold" : 800, "charge" : 500 }'
