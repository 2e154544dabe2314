"""The metrics of the ledger: what this process posts and refuses, and what the database knows of all of it."""

from __future__ import annotations

from telemetry.catalogue.base import Label, Metric
from telemetry.catalogue.bot import SATURATION

KIND = Label("kind", ("welcome", "topup", "hold", "charge", "release", "refund", "referral", "grant", "adjust"))

METRICS = (
    Metric(
        "bot_ledger_posts_total",
        "counter",
        "Ledger transactions posted, by kind.",
        (KIND,),
    ),
    Metric(
        "bot_ledger_refused_total",
        "counter",
        "Ledger transactions refused.",
        (Label("reason", ("insufficient", "conflict")),),
    ),
    Metric(
        "bot_ledger_refunds_short_total",
        "counter",
        "Refunds that took back less than was sold, because the rest is spent.",
    ),
    Metric(
        "bot_ledger_posts_db_total",
        "counter",
        "Ledger transactions posted since ever, by kind.",
        (KIND,),
        source="database",
    ),
    Metric(
        "bot_ledger_credits_db_total",
        "counter",
        "Credits moved since ever, by kind, up and down alike; of charges, what was earned.",
        (KIND,),
        source="database",
    ),
    Metric(
        "bot_ledger_holds",
        "gauge",
        "Holds that are open; those past their expiry; of these, those whose generation is settled or missing, so that "
        f"only an operator can end them. Saturates at {SATURATION}.",
        (Label("state", ("open", "expired", "stranded")),),
        source="database",
    ),
    Metric(
        "bot_ledger_drift_credits",
        "gauge",
        "Credits by which balances, holds and transactions disagreed with the entries at the last audit; must be 0.",
        source="database",
    ),
    Metric(
        "bot_ledger_negative_balances",
        "gauge",
        "Balances below zero at the last audit; must be 0.",
        source="database",
    ),
    Metric(
        "bot_ledger_audited_timestamp_seconds",
        "gauge",
        "When the last audit of the ledger ended.",
        source="database",
    ),
)
