"""What models bring and cost, and whether the books are right."""

from __future__ import annotations

from dashboards.board import Row
from dashboards.expression import JOB, MODEL, ONE, by_model, rates
from dashboards.panel import Query, bars, series

CREDIT_USD = 0.005
"""What a credit costs with the provider."""
BALANCE = f"max(bot_provider_balance_credits{{{JOB}}})"
DAYS_USE = f"sum({by_model('bot_model_cost_usd_window', '24h', models='')}) / {CREDIT_USD}"
"""What the last 24 hours took of them, with all models."""
CHARGED = "bot_model_charged_credits_window"
COST = "bot_model_cost_usd_window"
GIVEN = "bot_model_given_cost_usd_window"


def margin(window: str) -> str:
    """Return the margin of each model."""
    return by_model("bot_model_margin_usd_window", window)


def price_share(window: str, by: str) -> str:
    """Return the share of what users paid that the provider took; nothing where nothing was sold."""
    cost = f"sum{by}({by_model(COST, window)}) - sum{by}({by_model(GIVEN, window)})"
    return f"({cost}) / (({cost} + sum{by}({margin(window)})) > 0.001)"


def moved(counter: str, label: str) -> str:
    """Return by how much a counter of the database has grown in the shown time, by a label."""
    return f"increase(max by ({label}) ({counter}{{{JOB}}})[$__range:1m])"


MONEY = Row(
    "Money",
    (
        series(
            "Charged and taken, within an hour",
            "In credits, of which the provider takes one for each that users are charged: the margin lies in what a credit "
            "sells for. Given away is the part of what was taken that nobody pays: free, late, and welcome credits.",
            "none",
            Query(f"sum({by_model(CHARGED, '1h')})", "charged"),
            Query(f"sum({by_model(COST, '1h')}) / {CREDIT_USD}", "taken by the provider"),
            Query(f"sum({by_model(GIVEN, '1h')}) / {CREDIT_USD}", "given away"),
            width=8,
            colours={"charged": "green", "taken by the provider": "orange", "given away": "blue"},
        ),
        series(
            "Margin within 24 hours",
            "Of all models, and of the five that bring least. Below 0 a price is wrong, or failures are billed.",
            "currencyUSD",
            Query(f"sum({margin('24h')})", "all"),
            Query(f"bottomk(5, {margin('24h')})", "{{model}}"),
            width=8,
            limits=((None, "red"), (0, "green")),
            min=None,
            colours={"all": "green"},
        ),
        series(
            "Cost of the price",
            "Share of what users paid within an hour that the provider took, of the ten dearest models. Above 80 % for half "
            "an hour CostPerGenerationHigh fires.",
            "percentunit",
            Query(f"topk(10, {price_share('1h', ' by (model) ')})", "{{model}}"),
            width=8,
            limits=((None, "green"), (0.8, "orange"), (1, "red")),
        ),
        series(
            "Cost per success within 24 hours",
            "What the provider took for each that came, of the ten dearest models; failures that it bills are in it.",
            "currencyUSD",
            Query(f"topk(10, {by_model('bot_model_cost_per_success_usd_window', '24h')})", "{{model}}"),
            width=8,
            rare=True,
        ),
        series(
            "Given away within 24 hours",
            "Cost of what was free, came late, or was paid with credits that were a gift; of the ten models with most of it.",
            "currencyUSD",
            Query(f"topk(10, {by_model(GIVEN, '24h')} > 0)", "{{model}}"),
            width=8,
        ),
        bars(
            "Credits in the shown time",
            "From the totals that are kept for ever: what users were charged, and what the provider took.",
            "none",
            Query(
                f"sum(increase(max by (model) (bot_generation_charged_credits_db_total{{{JOB},{MODEL}}})[$__range:1m]))",
                "charged",
                instant=True,
            ),
            Query(
                f"sum(increase(max by (model) (bot_generation_cost_db_usd_total{{{JOB},{MODEL}}})[$__range:1m])) / {CREDIT_USD}",
                "taken",
                instant=True,
            ),
            width=8,
        ),
    ),
)

LEDGER = Row(
    "Ledger",
    (
        series(
            "What the audit found",
            "Credits by which the books disagree, and accounts below zero. Both must be 0.",
            "none",
            Query(f"max(abs(bot_ledger_drift_credits{{{JOB}}}))", "drift"),
            Query(f"max(bot_ledger_negative_balances{{{JOB}}})", "below zero"),
            width=8,
            limits=((None, "green"), (0.001, "red")),
            colours={"drift": "orange", "below zero": "red"},
        ),
        series(
            "Since the last audit",
            "It comes every hour. Above three hours LedgerAuditStale fires.",
            "s",
            Query(f"time() - max(bot_ledger_audited_timestamp_seconds{{{JOB}}})", "age"),
            width=8,
            limits=((None, "green"), (3 * 3600, "red")),
        ),
        series(
            "Holds",
            "Open ones; those past their time; of these, the ones that only an operator can end.",
            "none",
            Query(f"max by (state) (bot_ledger_holds{{{JOB}}})", "{{state}}"),
            width=8,
            decimals=0,
            colours={"open": "green", "expired": "orange", "stranded": "red"},
        ),
        series(
            "Transactions",
            "Posted by kind, and refused: insufficient is a balance that was too low, conflict the same key with something "
            "else. A short refund took back less than was sold.",
            "suffix: /min",
            Query(f"60 * {rates('bot_ledger_posts_total', 'kind').expr}", "{{kind}}"),
            Query(f"60 * {rates('bot_ledger_refused_total', 'reason').expr}", "refused: {{reason}}"),
            Query(f"60 * sum(rate(bot_ledger_refunds_short_total{{{ONE}}}[$__rate_interval])) > 0", "short refund"),
            rare=True,
            width=8,
            colours={"refused: insufficient": "dark-orange", "refused: conflict": "red", "short refund": "dark-red"},
        ),
        bars(
            "Credits moved in the shown time",
            "By kind of transaction, up and down alike; of charges, what was earned.",
            "none",
            Query(f"sort_desc({moved('bot_ledger_credits_db_total', 'kind')} > 0)", "{{kind}}", instant=True),
            width=8,
        ),
        bars(
            "Transactions in the shown time",
            "By kind.",
            "none",
            Query(f"sort_desc(round({moved('bot_ledger_posts_db_total', 'kind')}) > 0)", "{{kind}}", instant=True),
            width=8,
        ),
    ),
)
