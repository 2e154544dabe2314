"""What goes to Telegram and where it waits, and the tables in which all of it is kept."""

from __future__ import annotations

from dashboards.board import Row
from dashboards.expression import JOB, ONE, rates, shares
from dashboards.panel import Query, series

DUE = f"max(bot_outbox_oldest_age_seconds{{{JOB}}})"

OUTBOX = Row(
    "To Telegram",
    (
        series(
            "Calls to Telegram",
            "By method, whatever became of them. Telegram lets 30 a second through.",
            "reqps",
            rates("bot_outbox_sends_total", "method"),
        ),
        series(
            "What became of them",
            "Retried is sent again later; failed was refused for good; skipped is not missed by anybody.",
            "ops",
            rates("bot_outbox_sends_total", "outcome"),
            Query(f"sum(rate(bot_sends_ambiguous_total{{{ONE}}}[$__rate_interval])) > 0", "sent twice, perhaps"),
            rare=True,
            colours={
                "sent": "green",
                "skipped": "blue",
                "retried": "orange",
                "failed": "red",
                "sent twice, perhaps": "purple",
            },
        ),
        series(
            "Waiting for Telegram",
            "Calls that wait, and those under way. Counted up to 100,000.",
            "none",
            Query(f"max by (state) (bot_outbox_depth{{{JOB}}})", "{{state}}"),
            width=8,
            decimals=0,
        ),
        series(
            "Oldest due",
            "How long the longest of the calls that may be made now has been due; the line is the limit of OutboxStalled.",
            "s",
            Query(DUE, "oldest"),
            width=8,
            limits=((None, "green"), (60, "red")),
        ),
        series(
            "Time to Telegram",
            "From the commit that queued a call to Telegram's answer.",
            "s",
            *shares("bot_outbox_lag_seconds"),
            width=8,
        ),
        series(
            "Held back by limits",
            "Seconds that calls spend waiting, per second: for one's own limits by chat, group and overall, or because "
            "Telegram said Retry-After.",
            "s",
            rates("bot_outbox_wait_seconds_total", "limit"),
            width=8,
        ),
        series(
            "Pauses and lost chats",
            "A pause stops everything for a while, because several chats were told to wait at once. Unreachable: the bot was "
            "blocked or removed; moved: a group has a new id.",
            "none",
            *(
                Query(f"sum(increase({metric}{{{ONE}}}[$__rate_interval]))", legend)
                for metric, legend in (
                    ("bot_outbox_pauses_total", "pauses"),
                    ("bot_chats_unreachable_total", "unreachable"),
                    ("bot_chats_moved_total", "moved"),
                )
            ),
            width=8,
            colours={"pauses": "red", "unreachable": "orange", "moved": "blue"},
        ),
        series(
            "Asked before a payment",
            "What Telegram was told: ok, or why not. Late and unanswered ones are payments that did not happen.",
            "none",
            Query(
                f"sum by (answer) (increase(bot_pre_checkout_answers_total{{{ONE}}}[$__rate_interval])) > 0",
                "{{answer}}",
            ),
            width=8,
            colours={"ok": "green", "late": "red", "unanswered": "red"},
        ),
    ),
)


TABLES = Row(
    "Tables",
    (
        series(
            "Size of the tables",
            "With their indexes. Retention keeps it level; it does not shrink by itself.",
            "bytes",
            Query(f"max by (table) (supervisor_table_bytes{{{JOB}}})", "{{table}}"),
            width=6,
        ),
        series(
            "Dead rows",
            "Row versions that vacuum has still to remove. A line that only rises means that it does not come through.",
            "none",
            Query(f"max by (table) (supervisor_table_dead_rows{{{JOB}}})", "{{table}}"),
            width=6,
            decimals=0,
        ),
        series(
            "Oldest transaction",
            "Of all sessions that this user may see. What is younger than it cannot be vacuumed away.",
            "s",
            Query(f"max(supervisor_db_oldest_transaction_seconds{{{JOB}}})", "oldest"),
            width=6,
        ),
        series(
            "Rows removed",
            "By retention, once they have been kept for long enough.",
            "ops",
            rates("bot_rows_removed_total", "kind"),
            width=6,
        ),
    ),
)
