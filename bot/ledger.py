"""Double entry as values: every transaction's entries sum to zero, in whole milli-credits.

    promotion ── welcome, referral ──▶ available ── hold ──▶ held ── charge ──▶ revenue
    topup ────── topup ──────────────▶  ▲  │  ▲                │
    grant ────── grant ──────────────▶  │  │  └─── release ────┘
    adjust ───── adjust ─────────────▶ ─┘  └─ refund ─▶ topup

Invariants: entries sum to zero; every amount is an integer; one key stands for one request for ever, so that the same
request posts once and another request under its key is an error. The database holds the same rules against wrong code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

MILLI: Final = 1000
"""Milli-credits in a credit."""
LARGEST: Final = 10**15
"""Milli-credits of one movement: no sum of what people can do leaves 64 bits."""

LONGEST_ID: Final = 255
"""Characters of a provider's id."""

Kind = Literal["welcome", "topup", "hold", "charge", "release", "refund", "referral", "grant", "adjust"]
Account = Literal["available", "held", "promotion", "revenue", "topup", "grant", "adjust"]
"""`available` and `held` are a user's own; the others belong to the house."""

Provider = Literal["stars", "yookassa", "stripe", "admin"]
"""Who took the money; `admin`: an operator gives it back by hand, and the order is the payment."""

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
class Payment:
    """A payment as its provider names it; as text the part of a key that no other payment of any provider has."""

    provider: Provider
    id: str

    def __str__(self) -> str:
        """Return `provider:id`."""
        return f"{self.provider}:{_escaped(self.id)}"

    def refund(self, refund_id: str | None = None) -> str:
        """Return what names a refund of it: the only one, or one of several by its own id."""
        return str(self) if refund_id is None else f"{self}:{_escaped(refund_id)}"


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
        for entry in self.entries:
            check_amount(abs(entry.amount) if type(entry.amount) is int else entry.amount, self.key)
        amounts = [entry.amount for entry in self.entries]
        if len(amounts) < 2 or sum(amounts) != 0:  # noqa: PLR2004 - double entry: at least a from and a to
            raise LedgerError(f"{self.key}: {len(amounts)} entries sum to {sum(amounts)}, expected two or more and 0")
        if len({entry.account for entry in self.entries}) != len(self.entries):
            raise LedgerError(f"{self.key}: an account appears twice")

    @property
    def amount(self) -> int:
        """What reached the account that the kind is for; below zero for an adjustment downwards."""
        return next(entry.amount for entry in self.entries if entry.account == FLOW[self.kind][1])


def check_amount(amount: int, key: str) -> None:
    """Raise LedgerError unless the amount is a whole number of milli-credits, above zero and within reason."""
    if type(amount) is not int or not 0 < amount <= LARGEST:
        raise LedgerError(f"{key}: {amount!r} milli-credits, expected a whole number from 1 to {LARGEST}")


def transfer(kind: Kind, user_id: int, amount: int, reference: object) -> Transaction:
    """Return the transaction of `kind` that moves `amount` along its flow; only an adjustment may be negative."""
    key = f"{kind}:{reference}"
    check_amount(abs(amount) if kind == "adjust" and type(amount) is int else amount, key)
    source, target = FLOW[kind]
    return Transaction(kind, key, user_id, (Entry(source, -amount), Entry(target, amount)))


def _escaped(provider_id: str) -> str:
    """Return the id without colons: those part a key, and a payment `a:b` is no refund `b` of a payment `a`."""
    if not (0 < len(provider_id) <= LONGEST_ID and provider_id.isascii() and provider_id.isprintable()):
        raise LedgerError(
            f"{provider_id[:LONGEST_ID]!r} is no id of a payment: expected 1 to {LONGEST_ID} ASCII characters"
        )
    return provider_id.replace("%", "%25").replace(":", "%3A")


def format_credits(milli: int) -> str:
    """Return the amount in credits, exact and without trailing zeros: 800 is "0.8", 20000 is "20"."""
    whole, rest = divmod(abs(milli), MILLI)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    return f"{'-' if milli < 0 else ''}{whole}{fraction}"


def to_milli(credits_: Decimal) -> int:
    """Return the amount in milli-credits; one that is finer than that, or beyond reason, is refused, never rounded."""
    most = LARGEST // MILLI
    # Compared, which is exact: arithmetic would round to the precision of the context first.
    if not (credits_.is_finite() and -most <= credits_ <= most and credits_ == credits_.quantize(Decimal("0.001"))):
        raise LedgerError(f"{credits_} credits: expected at most three decimals, and no more than {most}")
    return int(credits_.quantize(Decimal("0.001")).scaleb(3))
