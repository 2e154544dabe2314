"""Double entry as values: every transaction's entries sum to zero, in whole milli-credits.

    promotion ── welcome, referral ──▶ available ── hold ──▶ held ── charge ──▶ revenue
    topup ────── topup ──────────────▶  ▲  │  ▲                │
    grant ────── grant ──────────────▶  │  │  └─── release ────┘
    adjust ───── adjust ─────────────▶ ─┘  └─ refund ─▶ topup

Invariants: entries sum to zero; every amount is an integer; one key stands for one request for ever, so that the same
request posts once and another request under its key is an error. The database holds the same rules against wrong code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

MILLI: Final = 1000
"""Milli-credits in a credit."""

Kind = Literal["welcome", "topup", "hold", "charge", "release", "refund", "referral", "grant", "adjust"]
Account = Literal["available", "held", "promotion", "revenue", "topup", "grant", "adjust"]
"""`available` and `held` are a user's own; the others belong to the house."""

FLOW: Final[Mapping[Kind, tuple[Account, Account]]] = {
    "welcome": ("promotion", "available"),
    "referral": ("promotion", "available"),
    "topup": ("topup", "available"),
    "grant": ("grant", "available"),
    "adjust": ("adjust", "available"),
    "hold": ("available", "held"),
    "charge": ("held", "revenue"),
    "release": ("held", "available"),
    "refund": ("available", "topup"),
}
"""Where each kind takes its amount from, and where it puts it."""


class LedgerError(ValueError):
    """A transaction that the rules of double entry refuse."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transaction."""

    account: Account
    amount: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """Entries that sum to zero, between one user's accounts and the house's, under a key that is used once."""

    kind: Kind
    key: str
    user_id: int
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        amounts = [entry.amount for entry in self.entries]
        if any(type(amount) is not int or amount == 0 for amount in amounts):
            raise LedgerError(f"{self.key}: amounts must be whole milli-credits other than 0, found {amounts}")
        if len(amounts) < 2 or sum(amounts) != 0:  # noqa: PLR2004 - double entry: at least a from and a to
            raise LedgerError(f"{self.key}: {len(amounts)} entries sum to {sum(amounts)}, expected two or more and 0")
        if len({entry.account for entry in self.entries}) != len(self.entries):
            raise LedgerError(f"{self.key}: an account appears twice")

    @property
    def request_hash(self) -> bytes:
        """What was asked for, so that a key used again for something else is noticed."""
        lines = [f"{self.kind} {self.user_id}", *sorted(f"{entry.account} {entry.amount}" for entry in self.entries)]
        return hashlib.sha256("\n".join(lines).encode()).digest()


def transfer(kind: Kind, user_id: int, amount: int, reference: object) -> Transaction:
    """Return the transaction of `kind` that moves `amount` along its flow; only an adjustment may be negative."""
    if amount == 0 or (amount < 0 and kind != "adjust"):
        raise LedgerError(f"{kind} of {amount} milli-credits: expected a positive amount")
    source, target = FLOW[kind]
    return Transaction(kind, f"{kind}:{reference}", user_id, (Entry(source, -amount), Entry(target, amount)))


def charge(user_id: int, held: int, amount: int, reference: object) -> Transaction:
    """Return the transaction that turns a hold of `held` into revenue of `amount` and gives the rest back."""
    if not 0 < amount <= held:
        raise LedgerError(f"charge of {amount} against a hold of {held} milli-credits: expected 1 to the whole hold")
    entries = [Entry("held", -held), Entry("revenue", amount)]
    if held > amount:
        entries.append(Entry("available", held - amount))
    return Transaction("charge", f"charge:{reference}", user_id, tuple(entries))


def format_credits(milli: int) -> str:
    """Return the amount in credits, exact and without trailing zeros: 800 is "0.8", 20000 is "20"."""
    whole, rest = divmod(abs(milli), MILLI)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    return f"{'-' if milli < 0 else ''}{whole}{fraction}"


def to_milli(credits_: Decimal) -> int:
    """Return the amount in milli-credits; an amount finer than that is refused rather than rounded."""
    milli = credits_ * MILLI
    if not milli.is_finite() or milli != milli.to_integral_value():
        raise LedgerError(f"{credits_} credits: expected at most three decimals")
    return int(milli)
