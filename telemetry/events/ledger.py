"""The ledger: what was posted and what was refused."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, event


@event
class LedgerPosted(Event):
    """A transaction whose entries sum to zero is in the ledger."""

    name = "ledger.posted"
    message = "Ledger transaction posted"
    level = "DEBUG"
    metrics = (Count("bot_ledger_posts_total"),)

    kind: str
    transaction_id: int
    credits: str


@event
class LedgerRefused(Event):
    """A transaction was refused; nothing changed."""

    name = "ledger.refused"
    message = "Ledger transaction refused"
    level = "INFO"
    metrics = (Count("bot_ledger_refused_total"),)

    kind: str
    reason: Literal["insufficient", "conflict"]


@event
class LedgerRefundShort(Event):
    """A refund took back less than was sold, because the rest is spent: the house's loss."""

    name = "ledger.refund_short"
    message = "Less was left than was to be taken back"
    level = "WARNING"
    metrics = (Count("bot_ledger_refunds_short_total"),)

    credits: str
    short: str


@event
class LedgerAudited(Event):
    """Every balance agrees with its entries, and every transaction looked at sums to zero."""

    name = "ledger.audited"
    message = "The books are right"
    level = "INFO"

    accounts: int
    transactions: int


@event
class LedgerDrifted(Event):
    """A balance, a hold or a transaction disagrees with its entries: somebody wrote around the rules."""

    name = "ledger.drifted"
    message = "The books are wrong: vigil ledger check says where"
    level = "CRITICAL"

    accounts: int
    drift_credits: str
    negative: int
