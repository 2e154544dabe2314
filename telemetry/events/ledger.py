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
