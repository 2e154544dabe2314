"""The ledger's rules hold against wrong code: each statement here is inside the right term, and is refused.

User 5 has 20 credits, of which hold 1 sets 0.8 aside and hold 2 sets 0.1; user 6 has 20 credits and none on hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from bot import accounts

if TYPE_CHECKING:
    from tests.integration.bot.conftest import Bank

HOUSE = None
BOOKS = """
    SELECT coalesce((SELECT json_agg(t ORDER BY id) FROM ledger_transaction AS t)::text, '')
        || coalesce((SELECT json_agg(e ORDER BY id) FROM ledger_entry AS e)::text, '')
        || coalesce((SELECT json_agg(a ORDER BY id) FROM ledger_account AS a)::text, '')
        || coalesce((SELECT json_agg(h ORDER BY id) FROM ledger_hold AS h)::text, '')
        || coalesce((SELECT json_agg(r ORDER BY id) FROM ledger_rollup AS r)::text, '')"""


def posted(kind: str, *entries: tuple[int | None, str, int], columns: str = "", values: str = "") -> str:
    """Return SQL that posts a transaction by hand."""
    rows = ", ".join(f"({user or 'NULL'}::bigint, '{name}', {amount}::bigint)" for user, name, amount in entries)
    return f"""
        WITH t AS (INSERT INTO ledger_transaction (kind, idempotency_key, request_hash{columns})
                   VALUES ('{kind}', gen_random_uuid(), ''{values}) RETURNING id)
        INSERT INTO ledger_entry (transaction_id, account_id, amount)
        SELECT t.id, a.id, e.amount FROM t, (VALUES {rows}) AS e (user_id, name, amount)
          JOIN ledger_account a ON a.user_id IS NOT DISTINCT FROM e.user_id AND a.name = e.name;"""  # noqa: S608 - of this file


def opened(user: int, amount: int, expires: str = "now() + interval '1 hour'", opened_by: str = "max(id)") -> str:
    """Return SQL that opens a hold by hand, with the transaction that was posted last."""
    columns = "user_id, amount, opened_by, expires_at"
    values = f"{user}, {amount}, {opened_by}, {expires}"
    return f"INSERT INTO ledger_hold ({columns}) SELECT {values} FROM ledger_transaction;"  # noqa: S608 - of this file


def resolved(state: str, hold: int = 1) -> str:
    """Return SQL that ends a hold by hand, with the transaction that was posted last."""
    ending = f"state = '{state}', resolved_by = (SELECT max(id) FROM ledger_transaction)"  # noqa: S608 - of this file
    return f"UPDATE ledger_hold SET {ending} WHERE id = {hold};"  # noqa: S608 - of this file


ADDED = """
    INSERT INTO ledger_entry (transaction_id, account_id, amount)
    SELECT t.id, a.id, CASE a.name WHEN 'available' THEN 5 ELSE -5 END
      FROM (SELECT max(id) AS id FROM ledger_transaction) t, ledger_account a
     WHERE a.user_id = 5 AND a.name = 'available' OR a.name = 'grant'"""
BEGUN_CHARGED = """
    INSERT INTO ledger_hold (user_id, amount, state, opened_by, resolved_by, expires_at)
    SELECT 5, 700, 'charged', max(id), max(id), now() + interval '1 hour' FROM ledger_transaction"""
REOPENED = "UPDATE ledger_hold SET state = 'held', resolved_by = NULL WHERE id = 1"
CHARGE = posted("charge", (5, "held", -800), (HOUSE, "revenue", 800))
RELEASE = posted("release", (5, "held", -800), (5, "available", 800))
HOLD = posted("hold", (5, "available", -700), (5, "held", 700))
REFUSED = {
    # What is posted balances.
    "one entry alone": (posted("grant", (5, "available", 5)), "has 1 entries that sum to 5"),
    "entries that do not sum to zero": (
        posted("grant", (5, "available", 5), (HOUSE, "grant", 5)),
        "has 2 entries that sum to 10",
    ),
    "a transaction without entries": (
        "INSERT INTO ledger_transaction (kind, idempotency_key, request_hash) VALUES ('grant', 'x', '')",
        "without its entries",
    ),
    "an entry of nothing": (posted("grant", (5, "available", 0), (HOUSE, "grant", 0)), "amount_check"),
    "sums beyond 64 bits": (
        posted("grant", (5, "available", 2**63 - 1), (HOUSE, "grant", -(2**63) + 1)),
        "out of range",
    ),
    "an unbalanced pair behind constraints made immediate": (
        "SET CONSTRAINTS ALL IMMEDIATE;" + posted("grant", (5, "available", 5), (HOUSE, "grant", -4)),
        "sum to 1",
    ),
    "two halves that only balance together": (
        posted("grant", (5, "available", 5)) + posted("grant", (HOUSE, "grant", -5)),
        "has 1 entries",
    ),
    "entries of two transactions in one statement": (
        """WITH t AS (INSERT INTO ledger_transaction (kind, idempotency_key, request_hash)
                      VALUES ('grant', 'one', ''), ('grant', 'other', '') RETURNING id)
           INSERT INTO ledger_entry (transaction_id, account_id, amount)
           SELECT t.id, a.id, CASE a.name WHEN 'available' THEN 5 ELSE -5 END FROM t, ledger_account a
            WHERE a.user_id = 5 AND a.name = 'available' OR a.name = 'grant'""",
        "not alone",
    ),
    # Each kind goes its way.
    "a gift out of revenue": (posted("welcome", (5, "available", 5), (HOUSE, "revenue", -5)), "is no welcome"),
    "a top-up that is called a gift": (posted("welcome", (5, "available", 5), (HOUSE, "topup", -5)), "is no welcome"),
    "a top-up that takes": (posted("topup", (5, "available", -5), (HOUSE, "topup", 5)), "is no topup"),
    "a refund that gives": (posted("refund", (5, "available", 5), (HOUSE, "topup", -5)), "is no refund"),
    "an adjustment of revenue": (
        posted("adjust", (HOUSE, "revenue", 5), (HOUSE, "adjust", -5)),
        "accounts of two users",
    ),
    "a charge past the hold": (posted("charge", (5, "available", -5), (HOUSE, "revenue", 5)), "is no charge"),
    "a charge that pays the user": (
        posted("charge", (5, "held", -800), (5, "available", 900), (HOUSE, "revenue", -100)),
        "is no charge",
    ),
    "a charge of more than was held": (
        posted("charge", (5, "held", -800), (5, "available", -100), (HOUSE, "revenue", 900)),
        "is no charge",
    ),
    "a gift straight into held": (posted("grant", (5, "held", 5), (HOUSE, "grant", -5)), "is no grant"),
    "credits of one user given to another": (posted("adjust", (5, "available", -5), (6, "available", 5)), "two users"),
    "credits of one user held for another": (posted("hold", (5, "available", -5), (6, "held", 5)), "two users"),
    "two entries on one account": (
        posted("adjust", (5, "available", 5), (5, "available", -4), (HOUSE, "adjust", -1)),
        "two entries on an account",
    ),
    "a kind that does not exist": (posted("gift", (5, "available", 5), (HOUSE, "grant", -5)), "kind_check"),
    # Nothing posted is changed, removed, added to, or said to have been at another time.
    "entries added to an old transaction": (
        """INSERT INTO ledger_entry (transaction_id, account_id, amount)
           SELECT t.id, a.id, CASE a.name WHEN 'available' THEN 5 ELSE -5 END FROM ledger_transaction t, ledger_account a
            WHERE t.idempotency_key = 'welcome:5' AND (a.user_id = 5 AND a.name = 'available' OR a.name = 'promotion')""",
        "is posted already",
    ),
    "entries added later in the same transaction": (
        posted("grant", (5, "available", 5), (HOUSE, "grant", -5)) + ADDED,
        "is posted already",
    ),
    "an entry of no transaction": (
        "INSERT INTO ledger_entry (transaction_id, account_id, amount) SELECT 999, id, 5 FROM ledger_account WHERE user_id = 6",
        "transaction_id_fkey",
    ),
    "a transaction of another day": (
        posted("grant", (5, "available", 5), (HOUSE, "grant", -5), columns=", posted_at", values=", '2020-01-01'"),
        "says it was posted at 2020",
    ),
    "a transaction of another database transaction": (
        posted("grant", (5, "available", 5), (HOUSE, "grant", -5), columns=", posted_in", values=", '9999999'"),
        "says it was posted",
    ),
    "a changed entry": ("UPDATE ledger_entry SET amount = amount * 2", "never changed"),
    "a removed entry": ("DELETE FROM ledger_entry", "never changed"),
    "emptied entries": ("TRUNCATE ledger_entry", "never changed"),
    "a changed transaction": ("UPDATE ledger_transaction SET kind = 'grant'", "never changed"),
    "a removed transaction": ("DELETE FROM ledger_transaction", "never changed"),
    "emptied transactions": ("TRUNCATE ledger_transaction CASCADE", "never changed"),
    "a merged entry": (
        "MERGE INTO ledger_entry e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
        "never changed",
    ),
    "a key used twice": (
        posted("grant", (5, "available", 5), (HOUSE, "grant", -5)).replace("gen_random_uuid()", "'welcome:5'"),
        "idempotency_key_key",
    ),
    # Balances and totals follow.
    "a balance set by hand": ("UPDATE ledger_account SET balance = balance + 1 WHERE user_id = 5", "only by entries"),
    "a balance set by a conflict": (
        """INSERT INTO ledger_account (user_id, name, balance) VALUES (5, 'available', 0)
           ON CONFLICT (user_id, name) DO UPDATE SET balance = 99""",
        "only by entries",
    ),
    "an account given to somebody else": ("UPDATE ledger_account SET user_id = 6 WHERE user_id = 5", "only by entries"),
    "an account opened with money": (
        """INSERT INTO users (id, language) VALUES (7, 'en');
           INSERT INTO ledger_account (user_id, name, balance) VALUES (7, 'available', 5)""",
        "never changed",
    ),
    "an account of the house's with a balance": (
        "INSERT INTO ledger_account (name, balance) VALUES ('topup', 0)",
        "check",
    ),
    "a removed account": ("DELETE FROM ledger_account", "never changed"),
    "emptied accounts": ("TRUNCATE ledger_account CASCADE", "never changed"),
    "a removed user": ("DELETE FROM users WHERE id = 6", "foreign key"),
    "a balance below zero": (posted("refund", (5, "available", -99_000), (HOUSE, "topup", 99_000)), "never_below_zero"),
    "a total set by hand": ("UPDATE ledger_rollup SET credits = 0", "only by entries"),
    "a total made up": ("INSERT INTO ledger_rollup (kind, posts, credits) VALUES ('topup', 1, 5)", "only by entries"),
    "a total removed": ("DELETE FROM ledger_rollup", "only by entries"),
    "totals emptied": ("TRUNCATE ledger_rollup", "only by entries"),
    # A hold begins with its transaction.
    "a hold without its money": (opened(5, 7, opened_by="min(id)"), "holds something else"),
    "a hold that another transaction pays for": (HOLD + opened(5, 700, opened_by="min(id)"), "holds something else"),
    "a hold of less than its transaction": (HOLD + opened(5, 600), "holds something else"),
    "two holds of one transaction": (HOLD + opened(5, 700) + opened(5, 700), "opened_by_key"),
    "another user's hold": (HOLD + opened(6, 700), "holds something else"),
    "credits held without a hold": (HOLD, "without its entries or its hold"),
    "a hold that begins charged": (HOLD + BEGUN_CHARGED, "cannot be charged"),
    "a hold that has expired already": (HOLD + opened(5, 700, "now()"), "cannot expire at"),
    "a hold that never expires": (HOLD + opened(5, 700, "'infinity'"), "cannot expire at"),
    # A hold is resolved once, all of it, by its own.
    "a hold made bigger": ("UPDATE ledger_hold SET amount = 900 WHERE id = 1", "never change"),
    "a hold of somebody else's": ("UPDATE ledger_hold SET user_id = 6 WHERE id = 1", "never change"),
    "a hold that expires earlier": ("UPDATE ledger_hold SET expires_at = now() WHERE id = 1", "not before"),
    "a hold that expires no more": ("UPDATE ledger_hold SET expires_at = 'infinity' WHERE id = 1", "not before"),
    "a hold resolved without a transaction": (
        "UPDATE ledger_hold SET state = 'released' WHERE id = 1",
        "resolves something",
    ),
    "a release that is called a charge": (RELEASE + resolved("charged"), "resolves something else"),
    "a charge that is called a release": (CHARGE + resolved("released"), "resolves something else"),
    "a charge without a hold": (CHARGE, "without its entries or its hold"),
    "a release without a hold": (RELEASE, "without its entries or its hold"),
    "a charge of another amount than the hold's": (
        posted("charge", (5, "held", -300), (HOUSE, "revenue", 300)) + resolved("charged"),
        "resolves something else",
    ),
    "two holds resolved by each other's amounts": (
        posted("charge", (5, "held", -100), (HOUSE, "revenue", 100))
        + resolved("charged", 1)
        + CHARGE
        + resolved("charged", 2),
        "resolves something else",
    ),
    "a hold resolved by another user's transaction": (
        posted("hold", (6, "available", -800), (6, "held", 800))
        + opened(6, 800)
        + posted("charge", (6, "held", -800), (HOUSE, "revenue", 800))
        + resolved("charged"),
        "resolves something else",
    ),
    "two holds resolved by one transaction": (
        CHARGE + resolved("charged") + resolved("charged", 2),
        "something else|by_key",
    ),
    "a hold resolved twice": (
        HOLD + opened(5, 700) + RELEASE + resolved("released") + CHARGE + resolved("charged"),
        "is released",
    ),
    "a resolved hold opened again": (RELEASE + resolved("released") + REOPENED, "is released"),
    "a removed hold": ("DELETE FROM ledger_hold", "never changed"),
    "emptied holds": ("TRUNCATE ledger_hold CASCADE", "never changed"),
}


@pytest.fixture
async def books(bank: Bank) -> Bank:
    """Two users, and two holds of one of them."""
    async with bank.transaction() as connection:
        for user in (5, 6):
            await accounts.ensure(connection, user, "en", 20_000)
        assert [await accounts.hold(connection, 5, amount, amount, seconds=60) for amount in (800, 100)] == [1, 2]
    return bank


@pytest.mark.parametrize(("statement", "because"), REFUSED.values(), ids=REFUSED.keys())
async def test_the_database_refuses_wrong_code(books: Bank, statement: str, because: str) -> None:
    """It says why, and nothing of the transaction is kept."""
    before = await books.value(BOOKS)
    with pytest.raises(asyncpg.PostgresError, match=because):
        async with books.transaction() as connection:
            await connection.execute(statement)
    assert await books.value(BOOKS) == before


@pytest.mark.parametrize(
    "statement",
    [
        HOLD + opened(5, 700),
        CHARGE + resolved("charged"),
        RELEASE + resolved("released"),
        posted("charge", (5, "held", -800), (5, "available", 799), (HOUSE, "revenue", 1)) + resolved("charged"),
        posted("refund", (5, "available", -5), (HOUSE, "topup", 5)),
        posted("adjust", (5, "available", -5), (HOUSE, "adjust", 5)),
        "UPDATE ledger_hold SET expires_at = expires_at + interval '1 hour' WHERE id = 1",
    ],
)
async def test_the_database_takes_the_same_by_hand_when_it_is_right(books: Bank, statement: str) -> None:
    """The refusals above are of what is wrong with them, not of their form."""
    before = await books.value(BOOKS)
    async with books.transaction() as connection:
        await connection.execute(statement)
    assert await books.value(BOOKS) != before
