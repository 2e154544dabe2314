"""The way of generations: from the quote to the chat, and the provider that they go through."""

from __future__ import annotations

from dashboards.board import Row
from dashboards.expression import JOB, ONE, by_model, rates
from dashboards.money import BALANCE, DAYS_USE
from dashboards.panel import Query, bars, series

STEP = "bot_generation_steps_total"
REQUESTS = "bot_provider_requests_total"
REQUEST_SECONDS = "bot_provider_request_seconds_bucket"
OVERDUE = f"max(bot_generation_overdue_seconds{{{JOB}}})"
FUNNEL = ("quoted", "held", "submitted", "succeeded", "delivered", "charged")

WAY = Row(
    "From quote to delivery",
    (
        bars(
            "Funnel of the shown time",
            "How many generations came so far. From quoted to held users think better of it; what is lost after that is ours "
            "or the provider's.",
            "none",
            *(
                Query(f'round(sum(increase({STEP}{{{JOB},step="{step}"}}[$__range])))', step, instant=True)
                for step in FUNNEL
            ),
            width=8,
        ),
        series(
            "Steps off the way",
            "Unknown: whether the provider took the task is not known, and it is never ordered again. Released: the credits "
            "went back. Errors are steps that met what nobody foresaw; each is tried again. Underpriced: the provider took "
            "more than the user was quoted.",
            "suffix: /min",
            Query(
                f'60 * sum by (step) (rate({STEP}{{{ONE},step=~"unknown|failed|released"}}[$__rate_interval])) > 0',
                "{{step}}",
            ),
            Query(f"60 * sum(rate(bot_generation_step_errors_total{{{ONE}}}[$__rate_interval])) > 0", "errors"),
            Query(f"60 * sum(rate(bot_generations_underpriced_total{{{ONE}}}[$__rate_interval])) > 0", "underpriced"),
            width=8,
            rare=True,
            colours={
                "unknown": "purple",
                "failed": "orange",
                "released": "blue",
                "errors": "red",
                "underpriced": "yellow",
            },
        ),
        series(
            "Late, after the credits went back",
            "What was looked for after its deadline: delivered for nothing, not to be delivered, or nothing came.",
            "none",
            Query(
                f"sum by (outcome) (increase(bot_generations_late_total{{{ONE}}}[$__rate_interval])) > 0", "{{outcome}}"
            ),
            width=8,
            colours={"delivered": "green", "undeliverable": "red", "nothing": "blue"},
        ),
        series(
            "Under way",
            "Confirmed and not settled. Held ones wait for their turn at the provider's rate limit, or for the user's files; "
            "succeeded ones for Telegram.",
            "none",
            Query(f"max by (state) (bot_generations_open{{{JOB}}}) > 0", "{{state}}"),
            decimals=0,
            colours={
                "held": "blue",
                "submitted": "green",
                "succeeded": "yellow",
                "unknown": "purple",
                "failed": "orange",
            },
        ),
        series(
            "Oldest, and what is overdue",
            "The oldest unsettled generation of the five slowest models, since its quote; above an hour GenerationStuck "
            "fires. Overdue: how long a step has been due that waits for nothing.",
            "s",
            Query(f"topk(5, {by_model('bot_generation_oldest_open_seconds')})", "{{model}}"),
            Query(OVERDUE, "overdue"),
            limits=((None, "green"), (3600, "red")),
            colours={"overdue": "purple"},
        ),
    ),
)

PROVIDER = Row(
    "Provider",
    (
        series(
            "Calls, by answer",
            "The code in the body, or why there was none. 429 is too many; 401, 403, 404, 433 and 505 are this operator's to "
            "mend, 402 is an empty account.",
            "suffix: /min",
            Query(f"60 * {rates(REQUESTS, 'code').expr}", "{{code}}"),
            rare=True,
            colours={"200": "green", "401": "red", "402": "red", "429": "orange", "433": "red", "timeout": "purple"},
        ),
        series(
            "Time of a call",
            "p95, by what is asked; uploads hold the user's whole file.",
            "s",
            Query(
                f"histogram_quantile(0.95, sum by (le, operation) (rate({REQUEST_SECONDS}{{{ONE}}}[$__rate_interval])))",
                "{{operation}}",
            ),
        ),
        series(
            "Waiting for the rate limit",
            "Calls that the provider refused for their number, per minute, and generations that wait for their turn.",
            "none",
            Query(f'60 * sum(rate({REQUESTS}{{{ONE},code="429"}}[$__rate_interval]))', "refused, per minute"),
            Query(f'max(bot_generations_open{{{JOB},state="held"}})', "waiting"),
            width=8,
            colours={"refused, per minute": "orange", "waiting": "blue"},
        ),
        series(
            "Callbacks",
            "What the provider told by itself. Late ones found their generation gone on; forged ones are refused.",
            "suffix: /min",
            Query(f"60 * sum by (outcome) (rate(bot_callbacks_total{{{ONE}}}[$__rate_interval])) > 0", "{{outcome}}"),
            width=8,
            colours={"applied": "green", "late": "blue", "forged": "red"},
        ),
        series(
            "The operator's credits",
            "What is left with the provider; half a cent each. The straight line is what the last 24 hours took.",
            "none",
            Query(BALANCE, "left"),
            Query(DAYS_USE, "a day's use"),
            width=8,
            colours={"left": "green", "a day's use": "orange"},
        ),
    ),
)
