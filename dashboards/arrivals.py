"""What the webhook is asked and how it answers: against the objective, by answer, by route, by batch."""

from __future__ import annotations

from dashboards.board import Row
from dashboards.expression import JOB, ONE, rates, shares
from dashboards.panel import Query, series

WEBHOOK = 'route="/webhook/{path}"'
COUNTED = f'{WEBHOOK},code=~"200|5..",{JOB}'
IN_TIME = f'{WEBHOOK},le="0.25",{JOB}'
BUDGET = 0.005
"""The share of a month's requests that may be acknowledged late or not at all."""
BURNING = "job:bot_webhook_ack_errors:ratio_rate"
REASONS = ("full", "late", "lost", "refused")


def missed(window: str) -> str:
    """Return the share of the requests in a window that were acknowledged late or not at all."""
    return (
        f"1 - sum(increase(bot_webhook_ack_duration_seconds_bucket{{{IN_TIME}}}[{window}]))"
        f" / (sum(increase(bot_webhook_requests_total{{{COUNTED}}}[{window}])) > 0)"
    )


INGRESS = Row(
    "Taking in",
    (
        series(
            "Time to acknowledge",
            "From the end of the headers of a request of Telegram's to the answer, after the commit. What waits to be read "
            "before that shows in supervisor_event_loop_lag_seconds. The line is the objective: 250 ms.",
            "s",
            *shares("bot_webhook_ack_duration_seconds", f"{WEBHOOK},{ONE}"),
            limits=((None, "green"), (0.25, "red")),
        ),
        series(
            "Requests by answer",
            "200 is stored. 503 is asked to come again; 401 and 404 are not from Telegram.",
            "reqps",
            rates("bot_webhook_requests_total", "code"),
            rare=True,
            colours={"200": "green", "401": "yellow", "404": "yellow", "413": "yellow", "500": "red", "503": "red"},
        ),
        series(
            "Burn rate of the error budget",
            "1 uses the month's budget up in a month. Above 14.4 over 5 minutes and an hour somebody is woken, above 6 over "
            "30 minutes and 6 hours somebody is told.",
            "suffix: ×",
            *(
                Query(f"max({BURNING}{window}{{{JOB}}}) / {BUDGET}", legend)
                for window, legend in (("5m", "5 min"), ("1h", "1 h"), ("6h", "6 h"))
            ),
            width=8,
            limits=((None, "green"), (6, "orange"), (14.4, "red")),
        ),
        series(
            "Requests by route",
            "Telegram's updates, and what providers report.",
            "reqps",
            rates("bot_webhook_requests_total", "route"),
            width=8,
        ),
        series(
            "Arrivals",
            "New ones, those that were there already, and those that were not stored and will be offered again.",
            "ops",
            rates("bot_updates_accepted_total", "result"),
            Query(
                f"sum by (reason) (rate(bot_updates_not_stored_total{{{ONE}}}[$__rate_interval])) > 0",
                "not stored: {{reason}}",
            ),
            width=8,
            rare=True,
            colours={"new": "green", "duplicate": "blue"} | {f"not stored: {reason}": "red" for reason in REASONS},
        ),
        series(
            "Commit of a batch",
            "How long the database takes to make a batch of arrivals durable: the floor of every acknowledgement.",
            "s",
            *shares("bot_inbox_flush_seconds"),
            width=8,
        ),
        series(
            "Rows in a batch",
            "Arrivals committed together; more under load, up to 500.",
            "none",
            *shares("bot_inbox_flush_rows"),
            width=8,
        ),
        series(
            "Polling trouble",
            "In polling mode: conflicts mean that somebody else polls, or a webhook is set; one or two at a change of hands "
            "are normal. The others brought nothing, or what could not be stored or confirmed.",
            "none",
            Query(
                f"sum by (reason) (increase(bot_poll_conflicts_total{{{ONE}}}[$__rate_interval]))",
                "conflict: {{reason}}",
            ),
            Query(f"sum by (reason) (increase(bot_poll_failures_total{{{ONE}}}[$__rate_interval])) > 0", "{{reason}}"),
            width=8,
            colours={"conflict: poller": "red", "conflict: webhook": "orange"},
        ),
    ),
)
