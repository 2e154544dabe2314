"""The metrics of models and money: what each brought and cost, how generations came to it, whether anything is sold.

What the database tells of a model is there for models that did something: of a day without any generation of it nothing
is told. The `_window` families slide; their oldest hour counts in as much as it still lies within.
"""

from __future__ import annotations

from telemetry.catalogue.base import Label, Metric
from telemetry.catalogue.bot import MODEL, SATURATION

WINDOW = Label("window", ("1h", "24h"))
OUTCOMES = ("success", "provider_error", "timeout", "moderation", "bad_input", "cancelled", "late")
REQUESTED = ("words", "photo", "best_price")
REASONS = ("cheapest", "long", "lettering", "resolution", "references", "unhealthy", "fallback")
PROVIDER = Label("provider", ("kie",))
OPEN_STATES = ("held", "submitting", "submitted", "unknown", "succeeded", "delivered", "failed")

ROUTING = (
    Metric(
        "bot_router_decisions_total",
        "counter",
        "Models taken for somebody who chose none, by how it was asked for and why; `fallback` after one could not.",
        (Label("requested", REQUESTED), Label("reason", REASONS)),
    ),
    Metric(
        "bot_provider_circuit_state",
        "gauge",
        "A model's circuit breaker, as the ACTIVE knows it: 0 closed, 1 half open, 2 open.",
        (MODEL,),
    ),
)

NUMBERS = (
    Metric(
        "bot_model_generations_window",
        "gauge",
        "Generations settled within the window; late ones came after their credits went back and were given away.",
        (MODEL, Label("outcome", OUTCOMES), WINDOW),
        source="database",
    ),
    Metric(
        "bot_model_charged_credits_window",
        "gauge",
        "Credits charged within the window.",
        (MODEL, WINDOW),
        source="database",
    ),
    Metric(
        "bot_model_cost_usd_window",
        "gauge",
        "What the provider took within the window, in dollars.",
        (MODEL, WINDOW),
        source="database",
    ),
    Metric(
        "bot_model_given_cost_usd_window",
        "gauge",
        "Of the cost: free, late, and for users who never bought credits.",
        (MODEL, WINDOW),
        source="database",
    ),
    Metric(
        "bot_model_margin_usd_window",
        "gauge",
        "What bought credits brought within the window, less the cost that was not given; below 0 a price is wrong.",
        (MODEL, WINDOW),
        source="database",
    ),
    Metric(
        "bot_model_cost_per_success_usd_window",
        "gauge",
        "Cost within the window for each success; absent without one.",
        (MODEL, WINDOW),
        source="database",
    ),
    Metric(
        "bot_model_seconds_per_success_window",
        "gauge",
        "What a success within the window took from the order to its charge, on average; absent without one.",
        (MODEL, WINDOW),
        source="database",
    ),
    Metric(
        "bot_generation_charged_credits_db_total",
        "counter",
        "Credits charged, ever.",
        (MODEL,),
        source="database",
    ),
    Metric(
        "bot_generation_cost_db_usd_total",
        "counter",
        "What the provider took, ever, in dollars.",
        (MODEL,),
        source="database",
    ),
    Metric(
        "bot_generations_routed_db_total",
        "counter",
        "Generations settled, by how they were asked for (`model`: it was chosen), who made them, and why.",
        (Label("requested", (*REQUESTED, "model")), Label("routed"), Label("reason", (*REASONS, "chosen"))),
        source="database",
    ),
    Metric(
        "bot_provider_balance_credits",
        "gauge",
        "The operator's credits with the provider; absent when nobody could ask for a quarter of an hour.",
        (PROVIDER,),
        source="database",
    ),
    Metric(
        "bot_selling_stopped",
        "gauge",
        "1 while nothing is sold: the provider refuses the key, or the balance is gone.",
        (Label("reason", ("key", "balance")),),
        source="database",
    ),
)

OPEN = (
    Metric(
        "bot_generations_open",
        "gauge",
        f"Generations that are confirmed and not settled, by state; together they saturate at {SATURATION}.",
        (Label("state", OPEN_STATES),),
        source="database",
    ),
    Metric(
        "bot_generation_oldest_open_seconds",
        "gauge",
        "Since when the oldest of a model's unsettled generations has been quoted; absent without one.",
        (MODEL,),
        source="database",
    ),
    Metric(
        "bot_generation_overdue_seconds",
        "gauge",
        "How long the longest of the next steps that are due has been due; those that wait for the provider's rate limit aside.",
        source="database",
    ),
)

METRICS = (*ROUTING, *NUMBERS, *OPEN)
