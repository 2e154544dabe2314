"""The dashboard Models & cost: whether what users ask for comes, how fast, and what it brings and costs."""

from __future__ import annotations

from dashboards.board import Board, Row
from dashboards.expression import JOB, MODEL, ONE, by_model
from dashboards.generations import OVERDUE, PROVIDER, WAY
from dashboards.money import BALANCE, DAYS_USE, LEDGER, MONEY, margin, price_share
from dashboards.panel import Column, Query, series, sheet, stat, table

GENERATIONS = "bot_model_generations_window"
COUNTED = 'outcome=~"success|provider_error|timeout"'
BURNING = "job_modality:bot_generation_errors:ratio_rate"
FAILING = "job_model_modality:bot_generation_errors:ratio_rate1h"
BREAKER = f"max by (model) (bot_provider_circuit_state{{{JOB},{MODEL}}})"
SECONDS = "bot_generation_duration_seconds"


def success(window: str, by: str = "") -> str:
    """Return the share of successes within a window, of all that ended by nobody's fault but the model's."""
    came = f'max by (model, outcome) ({GENERATIONS}{{{JOB},{MODEL},window="{window}",outcome="success"}})'
    ended = f'max by (model, outcome) ({GENERATIONS}{{{JOB},{MODEL},window="{window}",{COUNTED}}})'
    return f"sum{by}({came}) / (sum{by}({ended}) > 0)"


BROKEN = Row(
    "Is it broken?",
    (
        stat(
            "Model and ledger alerts firing",
            "Alerts of the components models and ledger; each has a section in runbooks.md.",
            "none",
            'count(ALERTS{alertstate="firing",component=~"models|ledger",job=~"$job"}) or vector(0)',
            ((None, "green"), (1, "red")),
        ),
        stat(
            "Success, 1 h",
            "Share of the generations that came, of those that came or were lost with the provider. What moderation refused, "
            "bad inputs and cancellations count for nobody.",
            "percentunit",
            success("1h"),
            ((None, "red"), (0.9, "orange"), (0.97, "green")),
            noValue="no traffic",
            decimals=1,
        ),
        stat(
            "Models not sold",
            "Models whose circuit breaker is open or half open: they failed again and again, and wait for a try that works.",
            "none",
            f"count({BREAKER} > 0) or vector(0)",
            ((None, "green"), (1, "orange"), (4, "red")),
        ),
        stat(
            "Overdue step",
            "How long a generation's next step has been due that waits for nothing. Above 120 s for 3 minutes "
            "GenerationStuck fires.",
            "s",
            OVERDUE,
            ((None, "green"), (60, "orange"), (120, "red")),
            decimals=0,
        ),
        stat(
            "Balance lasts",
            "How long the credits with the provider last if every day takes as much as the last 24 hours. Below a day "
            "ProviderBalanceLow fires.",
            "s",
            f"{BALANCE} / ({DAYS_USE} > 0) * 86400",
            ((None, "red"), (86400, "orange"), (3 * 86400, "green")),
            noValue="nothing spent",
            decimals=1,
        ),
        stat(
            "Selling",
            "Stopped when the provider refuses the key, or the account with it is empty: users are told, and pay nothing.",
            "none",
            f"max(bot_selling_stopped{{{JOB}}})",
            ((None, "green"), (1, "red")),
            noValue="not asked yet",
            mappings=[
                {"type": "value", "options": {"0": {"text": "yes", "index": 0}, "1": {"text": "stopped", "index": 1}}}
            ],
        ),
        stat(
            "Margin, 24 h",
            "What bought credits brought, less what the provider took for them. What was given away knowingly is in neither.",
            "currencyUSD",
            f"sum({margin('24h')})",
            ((None, "red"), (0, "green")),
            noValue="no traffic",
            decimals=2,
        ),
        stat(
            "Cost of the price, 24 h",
            "Share of what users paid that the provider took. With the usual PRICE_MULTIPLIER of 2 a half.",
            "percentunit",
            price_share("24h", ""),
            ((None, "green"), (0.65, "orange"), (0.8, "red")),
            noValue="nothing sold",
            decimals=0,
        ),
        stat(
            "Delivered of confirmed, 1 h",
            "What came into the chat for each generation that was confirmed; the rest is under way, failed, or was cancelled.",
            "percentunit",
            f'sum(increase(bot_generation_steps_total{{step="delivered",{JOB}}}[1h]))'
            f' / (sum(increase(bot_generation_steps_total{{step="held",{JOB}}}[1h])) > 0)',
            ((None, "red"), (0.7, "orange"), (0.9, "green")),
            noValue="no traffic",
            decimals=0,
        ),
        stat(
            "Books wrong by",
            "Credits by which balances, holds and transactions disagreed with the entries at the last audit; must be 0.",
            "none",
            f"max(abs(bot_ledger_drift_credits{{{JOB}}}))",
            ((None, "green"), (0.001, "red")),
            noValue="no audit yet",
        ),
        stat(
            "Accounts below zero",
            "As the last audit found them; must be 0.",
            "none",
            f"max(bot_ledger_negative_balances{{{JOB}}})",
            ((None, "green"), (1, "red")),
            noValue="no audit yet",
        ),
        stat(
            "Holds past their time",
            "Credits that should long be charged or given back. Above 0 for 15 minutes StaleHolds fires.",
            "none",
            f'max(bot_ledger_holds{{{JOB},state="expired"}})',
            ((None, "green"), (1, "red")),
        ),
    ),
)

MODELS = Row(
    "Models",
    (
        sheet(
            "By model",
            "Models that did something within 24 hours. Success counts what came and what was lost with the provider; "
            "typical time is from the order to the charge; cost of the price leaves out what was given away.",
            "model",
            Column(
                "Ended, 24 h",
                f'sum by (model) (max by (model, outcome) ({GENERATIONS}{{{JOB},{MODEL},window="24h",outcome!="late"}}))',
                "none",
            ),
            Column(
                "Success, 1 h",
                success("1h", " by (model) "),
                "percentunit",
                1,
                ((None, "red"), (0.9, "orange"), (0.97, "green")),
            ),
            Column(
                "Success, 24 h",
                success("24h", " by (model) "),
                "percentunit",
                1,
                ((None, "red"), (0.9, "orange"), (0.97, "green")),
            ),
            Column("Typical time", by_model("bot_model_seconds_per_success_window", "24h"), "s", 1),
            Column("Charged, credits", by_model("bot_model_charged_credits_window", "24h"), "none", 1),
            Column("Cost", by_model("bot_model_cost_usd_window", "24h"), "currencyUSD", 3),
            Column("Cost per success", by_model("bot_model_cost_per_success_usd_window", "24h"), "currencyUSD", 4),
            Column(
                "Cost of the price",
                price_share("24h", " by (model) "),
                "percentunit",
                0,
                ((None, "green"), (0.65, "orange"), (0.8, "red")),
            ),
            Column("Margin", margin("24h"), "currencyUSD", 2, ((None, "red"), (0, "green"))),
        ),
        series(
            "Outcomes",
            "How generations ended. Provider errors and timeouts are the model's; late ones came after their credits went "
            "back and are not among them.",
            "suffix: /min",
            Query(
                f"60 * sum by (outcome) (rate(bot_generations_total{{{ONE},{MODEL}}}[$__rate_interval])) > 0",
                "{{outcome}}",
            ),
            rare=True,
            colours={
                "success": "green",
                "provider_error": "red",
                "timeout": "dark-red",
                "moderation": "purple",
                "bad_input": "yellow",
                "cancelled": "blue",
            },
        ),
        series(
            "The least successful",
            "Success within an hour of the ten models that do worst. The objective is 97 % for pictures, music and speech, "
            "90 % for videos.",
            "percentunit",
            Query(f"bottomk(10, 1 - max by (model) ({FAILING}{{{JOB},{MODEL}}}))", "{{model}}"),
            limits=((None, "red"), (0.9, "orange"), (0.97, "green")),
            max=1,
            min=None,
        ),
        series(
            "Burn rate of the error budgets",
            "1 uses a month's budget up in a month. Above 14.4 (videos: 7) within an hour somebody is woken, above 6 within "
            "six hours somebody is told.",
            "suffix: ×",
            *(
                Query(
                    f'max by (modality) ({BURNING}{window}{{{JOB},modality!="video"}} / 0.03'
                    f' or {BURNING}{window}{{{JOB},modality="video"}} / 0.1)',
                    f"{{{{modality}}}}, {legend}",
                )
                for window, legend in (("1h", "1 h"), ("6h", "6 h"))
            ),
            width=8,
            limits=((None, "green"), (6, "orange"), (14.4, "red")),
        ),
        series(
            "Typical time",
            "From the submission to the provider's result, by what comes out.",
            "s",
            *(
                Query(
                    f"histogram_quantile({share}, sum by (le, modality) (rate({SECONDS}_bucket{{{ONE}}}[$__rate_interval])))",
                    f"{{{{modality}}}}, {legend}",
                )
                for share, legend in ((0.5, "p50"), (0.95, "p95"))
            ),
            width=8,
            rare=True,
        ),
        series(
            "Circuit breakers",
            "Of models that fail again and again: 2 is open, nothing is sold; 1 is half open, one order may try. Closed ones "
            "draw no line.",
            "none",
            Query(f"{BREAKER} > 0", "{{model}}"),
            width=8,
            steps=True,
            decimals=0,
            max=2,
        ),
        series(
            "Routing, by reason",
            "Models taken for somebody who chose none. Unhealthy: a cheaper one was passed over; fallback: the first one could "
            "not.",
            "suffix: /min",
            Query(
                f"60 * sum by (reason) (rate(bot_router_decisions_total{{{ONE}}}[$__rate_interval])) > 0", "{{reason}}"
            ),
            colours={"cheapest": "green", "unhealthy": "orange", "fallback": "red"},
        ),
        table(
            "Who made it",
            "In the shown time: how a generation was asked for whose model nobody chose, which one made it, and why.",
            'sort_desc(round(increase((max by (requested, routed, reason) (bot_generations_routed_db_total{requested!="model",'
            f'{JOB},routed=~"$model"}}))[$__range:1m])) > 0)',
            columns={"requested": "Asked for", "routed": "Made by", "reason": "Why", "Value": "Generations"},
        ),
    ),
)

BOARD = Board(
    "vigil-models",
    "Models & cost",
    "From the quote to the charge: whether generations come, how fast, what they bring and cost, and whether the books are right.",
    (BROKEN, MODELS, WAY, PROVIDER, MONEY, LEDGER),
    (("model", "Model", 'label_values(bot_generations_total{job=~"$job"}, model)'),),
)
