"""The ledger as text that other programs read: Beancount, CSV, or a JSON object a line. An entry is one row.

Beancount keeps the books of a house: what users own it owes them, so signs are turned. What the accounts show is
asserted at the end, so that whoever checks the file checks the balances against the entries.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

from bot.ledger import MILLI

Format = Literal["beancount", "csv", "json"]
FORMATS: Final[tuple[Format, ...]] = ("beancount", "csv", "json")
COLUMNS: Final = ("transaction", "posted_at", "kind", "key", "user", "account", "credits")
HOUSE: Final[Mapping[str, str]] = {
    "promotion": "Expenses:Promotion",
    "grant": "Expenses:Grant",
    "adjust": "Equity:Adjust",
    "topup": "Assets:Topup",
    "revenue": "Income:Revenue",
}
BEGINNING: Final = date(1970, 1, 1)
"""Every account is open since ever: the ledger does not know when it was made."""


def head(form: Format, accounts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Return the lines before the first entry."""
    if form == "csv":
        yield ",".join(COLUMNS)
    elif form == "beancount":
        yield 'option "title" "Vigil"'
        for account in accounts:
            yield f"{BEGINNING} open {place(account)} CREDIT"


def body(form: Format, entries: Iterable[Mapping[str, Any]], last: int | None = None) -> Iterator[str]:
    """Return the lines of some entries, of which those of one transaction follow each other; `last` came before."""
    for entry in entries:
        if form == "beancount":
            if entry["id"] != last:
                yield ""
                yield f'{_day(entry["posted_at"])} * "{entry["kind"]}" "{_quoted(entry["key"])}"'
                yield f"  transaction: {entry['id']}"
            yield f"  {place(entry)}  {exact(-entry['amount'])} CREDIT"
        else:
            row = _row(entry)
            yield json.dumps(row, ensure_ascii=False) if form == "json" else _comma_separated(list(row.values()))
        last = entry["id"]


def foot(form: Format, accounts: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    """Return the lines after the last entry: what each user's account shows, for whoever sums them up."""
    if form == "beancount":
        yield ""
        # A balance is that of the beginning of its day.
        tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
        for account in accounts:
            if account["user_id"] is not None:
                yield f"{tomorrow} balance {place(account)}  {exact(-account['balance'])} CREDIT"


def place(account: Mapping[str, Any]) -> str:
    """Return the account's name in Beancount."""
    if account["user_id"] is None:
        return HOUSE[account["name"]]
    return f"Liabilities:Users:{account['user_id']}:{account['name'].capitalize()}"


def exact(milli: int) -> str:
    """Return credits with three decimals."""
    whole, rest = divmod(abs(milli), MILLI)
    return f"{'-' if milli < 0 else ''}{whole}.{rest:03d}"


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    at = entry["posted_at"].astimezone(UTC).isoformat()
    given = (entry["id"], at, entry["kind"], entry["key"], entry["user_id"], entry["name"], exact(entry["amount"]))
    return dict(zip(COLUMNS, given, strict=True))


def _comma_separated(values: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
