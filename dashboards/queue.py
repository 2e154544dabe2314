"""The dashboard Queue: whether updates are taken in time, worked on, and answered, and where they wait if not."""

from __future__ import annotations

from dashboards.arrivals import BUDGET, INGRESS, missed
from dashboards.board import Board, Row
from dashboards.expression import JOB, ONE, rates, shares
from dashboards.outgoing import DUE, OUTBOX, TABLES
from dashboards.panel import Query, series, stat

OLDEST = f"max(bot_inbox_oldest_age_seconds{{{JOB}}})"

BROKEN = Row(
    "Is it broken?",
    (
        stat(
            "Queue alerts firing",
            "Alerts of the component queue; each has a section in runbooks.md.",
            "none",
            'count(ALERTS{alertstate="firing",component="queue",job=~"$job"}) or vector(0)',
            ((None, "green"), (1, "red")),
        ),
        stat(
            "Oldest update",
            "How long the oldest accepted update has been waiting or worked on. Above 60 s for 3 minutes QueueStalled fires.",
            "s",
            OLDEST,
            ((None, "green"), (30, "orange"), (60, "red")),
            decimals=1,
        ),
        stat(
            "Acknowledged in time, 1 h",
            "Share of the webhook's requests answered 200 within 250 ms; the objective is 99.5 % over 30 days. Refusals for "
            "good reason (401, 404, 413) do not count.",
            "percentunit",
            f"1 - ({missed('1h')})",
            ((None, "red"), (0.97, "orange"), (1 - BUDGET, "green")),
            noValue="no traffic",
            decimals=2,
        ),
        stat(
            "Error budget left, 30 d",
            "Of the 0.5 % of requests that may be late or fail within 30 days, or as far back as Prometheus remembers. "
            "Below 0 the objective is missed.",
            "percentunit",
            f"1 - ({missed('30d')}) / {BUDGET}",
            ((None, "red"), (0, "orange"), (0.5, "green")),
            noValue="no traffic",
            decimals=1,
        ),
        stat(
            "Given up, 1 h",
            "Updates that became dead letters within the last hour, counted by the database. From 1 on DeadLetters fires.",
            "none",
            f'max(bot_inbox_dead_letters_window{{{JOB},window="1h"}})',
            ((None, "green"), (1, "red")),
        ),
        stat(
            "Oldest message due",
            "How long the longest of the messages that may be sent now has been due. Above 60 s for 3 minutes OutboxStalled "
            "fires.",
            "s",
            DUE,
            ((None, "green"), (30, "orange"), (60, "red")),
            decimals=1,
        ),
    ),
)

WORK = Row(
    "Waiting and working",
    (
        series(
            "Oldest",
            "Age of the oldest update that waits or is worked on; the line is the limit of QueueStalled.",
            "s",
            Query(OLDEST, "oldest"),
            width=8,
            limits=((None, "green"), (60, "red")),
        ),
        series(
            "Depth",
            "Updates that wait (ready) and that the ACTIVE has taken (claimed). Counted up to 100,000.",
            "none",
            Query(f"max by (state) (bot_inbox_depth{{{JOB}}})", "{{state}}"),
            width=8,
            decimals=0,
        ),
        series(
            "Accepted and handled",
            "What comes in and what goes out; failed is tried again, dead is given up.",
            "ops",
            Query(f'sum(rate(bot_updates_accepted_total{{{ONE},result="new"}}[$__rate_interval]))', "accepted"),
            rates("bot_updates_processed_total", "outcome"),
            width=8,
            rare=True,
            colours={"accepted": "blue", "done": "green", "failed": "orange", "dead": "red"},
        ),
        series(
            "Lag",
            "From the acceptance of an update to the commit of what its handler did.",
            "s",
            *shares("bot_update_lag_seconds"),
            width=8,
        ),
        series(
            "Handler time",
            "How long handlers and their transactions take.",
            "s",
            *shares("bot_update_handler_seconds"),
            width=8,
        ),
        series(
            "Handlers under way",
            "Of the ACTIVE: handlers that run, rows in its memory, chats that wait for the next try of a failed update.",
            "none",
            *(
                Query(f"sum({metric}{{{ONE}}})", legend)
                for metric, legend in (
                    ("bot_inbox_handlers_running", "running"),
                    ("bot_inbox_rows_held", "rows held"),
                    ("bot_inbox_lanes_waiting", "chats waiting"),
                )
            ),
            width=8,
            decimals=0,
        ),
        series(
            "Rows at once",
            "Claimed together, and settled together where handlers wrote nothing; large ones save commits.",
            "none",
            *(
                Query(
                    f"histogram_quantile(0.5, sum by (le) (rate({metric}_bucket{{{ONE}}}[$__rate_interval])))", legend
                )
                for metric, legend in (("bot_inbox_claim_rows", "claimed"), ("bot_inbox_settle_rows", "settled"))
            ),
            width=8,
        ),
        series(
            "Tried again and given up",
            "Retries, and the dead letters that are kept.",
            "none",
            Query(f"sum(increase(bot_updates_retried_total{{{ONE}}}[$__rate_interval]))", "retries"),
            Query(f"max(bot_inbox_dead_letters{{{JOB}}})", "dead letters kept"),
            width=8,
            colours={"retries": "orange", "dead letters kept": "red"},
        ),
        series(
            "Rows made ready again",
            "Handed back by a drain, or recovered from an instance that went without one.",
            "none",
            Query(
                f"sum by (reason) (increase(bot_inbox_returned_total{{{ONE}}}[$__rate_interval]))",
                "{{reason}}",
            ),
            width=8,
        ),
    ),
)

BOARD = Board(
    "vigil-queue",
    "Queue",
    "Updates from the webhook to the answer: taken in time, worked on in order, sent within Telegram's limits.",
    (BROKEN, INGRESS, WORK, OUTBOX, TABLES),
)
