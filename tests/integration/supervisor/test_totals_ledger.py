"""The ledger's totals on a real database: written with each post, whoever writes, and told at every reading."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from bot import accounts
from bot.audit import Audit, Pace
from bot.ledger import Payment
from supervisor.clock import boottime
from supervisor.fence import FencedDatabase
from supervisor.sql import sql
from supervisor.term import Term
from supervisor.totals import Totals
from telemetry import metrics, snapshot
from tests.integration.supervisor.test_totals import LOCK_KEY, scraped

DRIFT = "bot_ledger_drift_credits"


@pytest.fixture(autouse=True)
def configured() -> Any:
    """The metrics of one process."""
    metrics.configure(instance_id="test-1", version="1.2.3")
    yield
    metrics.reset()
    snapshot.SNAPSHOT.begin()


@pytest.fixture
async def books(pool: Any) -> FencedDatabase:
    """A term whose users 1 to 8 are known."""
    won = await pool.fetchrow(sql("lock_claim"), LOCK_KEY, "test", 600_000, 0, 0, "free", False)
    term = Term(won["epoch"], "test", window=600, sent_at=boottime(), timeline=won["timeline"])
    fenced = FencedDatabase(pool, LOCK_KEY, term)
    async with fenced.transaction() as connection:
        for user in range(1, 9):
            await accounts.ensure(connection, user, "en", 20_000)
    return fenced


async def test_totals_by_kind_are_exact_whoever_posts_at_once(pool: Any, books: FencedDatabase) -> None:
    """Eight users hold at once and nobody waits for another's total; what is rolled back is not counted."""

    async def generate(user: int) -> None:
        for number in range(5):
            async with books.transaction() as connection:
                hold = await accounts.hold(connection, user, 800, f"{user}-{number}", seconds=60)
                if number < 3:
                    await accounts.charge(connection, hold, f"{user}-{number}", 700)
        with pytest.raises(ZeroDivisionError):
            await lose(user)

    async def lose(user: int) -> None:
        async with books.transaction() as connection:
            await accounts.topup(connection, user, 5_000, Payment("stars", f"lost-{user}"))
            raise ZeroDivisionError

    async with anyio.create_task_group() as group:
        for user in range(1, 9):
            group.start_soon(generate, user)
    async with books.transaction() as connection:
        await accounts.adjust(connection, 1, -500, 1)
    await Totals(lambda: pool, LOCK_KEY).read()
    found = scraped()
    posts = {
        kind: found[f'bot_ledger_posts_db_total{{kind="{kind}"}}'] for kind in ("welcome", "hold", "charge", "topup")
    }
    assert posts == {"welcome": 8, "hold": 40, "charge": 24, "topup": 0}
    moved = {
        kind: found[f'bot_ledger_credits_db_total{{kind="{kind}"}}'] for kind in ("welcome", "hold", "charge", "adjust")
    }
    assert moved == pytest.approx({"welcome": 160, "hold": 32, "charge": 16.8, "adjust": 0.5})
    assert (
        await pool.fetchval("SELECT max(n) FROM (SELECT count(*) AS n FROM ledger_rollup GROUP BY kind) AS rows") <= 4
    )


async def test_holds_are_open_expired_and_stranded(pool: Any, books: FencedDatabase) -> None:
    """A hold past its expiry waits for its generation, or, when that is settled or missing, for the operator."""
    async with books.transaction() as connection:
        for reference in (1, 2, 3):
            await accounts.hold(connection, 1, 800, reference, seconds=60)
        await connection.execute(
            "INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price) VALUES (1, 1, 'c', 'z-image', '{}', 800)"
        )
        await connection.execute("UPDATE generation SET state = 'held', hold_id = 1")
    await pool.execute("ALTER TABLE ledger_hold DISABLE TRIGGER USER")
    await pool.execute("UPDATE ledger_hold SET expires_at = now() - interval '1 second' WHERE id < 3")
    await Totals(lambda: pool, LOCK_KEY).read()
    found = scraped()
    states = {state: found[f'bot_ledger_holds{{state="{state}"}}'] for state in ("open", "expired", "stranded")}
    assert states == {"open": 3, "expired": 2, "stranded": 1}


async def test_what_the_audit_found_is_told_until_the_next_one(pool: Any, books: FencedDatabase) -> None:
    """Nothing before the first: absent is not zero."""
    totals = Totals(lambda: pool, LOCK_KEY)
    await totals.read()
    assert DRIFT not in scraped()
    await pool.execute("ALTER TABLE ledger_account DISABLE TRIGGER USER")
    await pool.execute("UPDATE ledger_account SET balance = balance + 250 WHERE user_id = 1 AND name = 'available'")
    await Audit(books, Pace(least_rest_seconds=0.0)).look(0)
    await totals.read()
    found = scraped()
    assert (found[DRIFT], found["bot_ledger_negative_balances"]) == (0.25, 0)
    assert found["bot_ledger_audited_timestamp_seconds"] > 1_000_000_000
