"""What the queue lives through in the same three hours.

Two updates a second; at 60 min nobody works for half a minute; from 75 to 80 min the database is slow, so acknowledgements
are late and some arrivals are turned away; at 120 min a poison update is given up; at 140 min c hands back what it held.
"""

from __future__ import annotations

from telemetry.catalogue.bot import WEBHOOK
from tests.integration.dashboards.tally import SECONDS, Tally

UPDATES = 2.0
SLOW = (75, 80)
POISON = 120
DRAINED = 140
METHODS = (("sendMessage", 0.6), ("editMessageText", 0.25), ("sendPhoto", 0.1), ("answerCallbackQuery", 0.05))


class Queue(Tally):
    """What every process shows of the queue."""

    def step(self, at: int, minute: float, process: str, *, share: float, leads: bool) -> None:
        """Add what a process shows at a moment; `share` of the arrivals are its, and it works if it `leads`."""
        self._at, self._process = at, process
        self._arrivals(minute, share)
        self._work(minute, leads=leads)
        self._outbox(minute, leads=leads)
        self._database(minute)

    def _arrivals(self, minute: float, share: float) -> None:
        slow = SLOW[0] <= minute < SLOW[1]
        rate = UPDATES * share
        for code, part in (("200", 0.97 if slow else 1.0), ("503", 0.03 if slow else 0.0), ("401", 0.01)):
            self._count("bot_webhook_requests_total", rate * part, route=WEBHOOK, code=code)
        self._count("bot_webhook_requests_total", rate / 10, route="/callbacks/kie/{token}", code="200")
        self._spread("bot_webhook_ack_duration_seconds", rate, 0.09 if slow else 0.004, route=WEBHOOK)
        for result, part in (("new", 0.99), ("duplicate", 0.01)):
            self._count("bot_updates_accepted_total", rate * part, source="telegram", result=result)
        turned_away = rate * 0.03 if slow else 0.0
        self._count("bot_updates_not_stored_total", turned_away, source="telegram", reason="full")
        self._spread("bot_inbox_flush_seconds", rate / 2, 0.08 if slow else 0.003)
        self._spread("bot_inbox_flush_rows", rate / 2, 40 if slow else 2)
        self._count("bot_poll_conflicts_total", 1 / SECONDS if minute == DRAINED else 0.0, reason="poller")
        self._count("bot_poll_failures_total", 0.02 if slow else 0.0, reason="unreachable")
        self._count("bot_pre_checkout_answers_total", rate / 200, answer="ok")

    def _work(self, minute: float, *, leads: bool) -> None:
        rate = UPDATES if leads else 0.0
        failing = leads and POISON - 2 <= minute < POISON
        self._count("bot_updates_processed_total", rate, outcome="done")
        self._count("bot_updates_processed_total", 0.04 if failing else 0.0, outcome="failed")
        self._count("bot_updates_processed_total", 1 / SECONDS if leads and minute == POISON else 0.0, outcome="dead")
        self._count("bot_updates_retried_total", 0.04 if failing else 0.0)
        self._spread("bot_update_handler_seconds", rate, 0.012)
        self._spread("bot_update_lag_seconds", rate, 0.03)
        self._spread("bot_inbox_claim_rows", rate / 2, 3)
        self._spread("bot_inbox_settle_rows", rate / 3, 2)
        busy = leads * (2 + minute // 20 % 3)
        for name, value in (("handlers_running", busy), ("rows_held", busy * 2), ("lanes_waiting", failing)):
            self._add(f"bot_inbox_{name}", self._at, float(value), self._process)
        ended = self._process == "c" and minute == DRAINED
        taken = self._process == "b" and minute == 61
        for reason, rows in (("handed_back", ended * 4), ("recovered", taken * 3)):
            self._count("bot_inbox_returned_total", rows / SECONDS, reason=reason)

    def _outbox(self, minute: float, *, leads: bool) -> None:
        rate = UPDATES * 1.5 if leads else 0.0
        for method, part in METHODS:
            self._count("bot_outbox_sends_total", rate * part, method=method, outcome="sent")
        for outcome in ("retried", "failed", "skipped"):
            self._count("bot_outbox_sends_total", rate / 50, method="sendMessage", outcome=outcome)
        self._count("bot_sends_ambiguous_total", 1 / SECONDS if leads and minute == 61 else 0.0)
        self._spread("bot_outbox_lag_seconds", rate, 0.12)
        for name, part in (("outbox_pauses", 0.0), ("chats_unreachable", 0.002), ("chats_moved", 0.0001)):
            self._count(f"bot_{name}_total", rate * part)
        for kind, part in (("inbox_done", 0.6), ("outbox", 1.0), ("inbox_dead", 0.0)):
            self._count("bot_rows_removed_total", rate * part, kind=kind)
        for limit, part in (("chat", 0.05), ("group", 0.02), ("overall", 0.0), ("retry_after", 0.01)):
            self._count("bot_outbox_wait_seconds_total", rate * part, limit=limit)

    def _database(self, minute: float) -> None:
        stalled = 60 <= minute <= 60.5
        dead = float(minute >= POISON)
        gauges = {
            "bot_inbox_oldest_age_seconds": 31.0 if stalled else 0.05 * (self._at // SECONDS % 5),
            "bot_inbox_dead_letters": dead,
            "bot_outbox_oldest_age_seconds": 30.0 if stalled else 0.1,
            "supervisor_db_oldest_transaction_seconds": 2.5 + minute % 7,
        }
        for name, value in gauges.items():
            self._add(name, self._at, value, self._process)
        self._add(
            "bot_inbox_dead_letters_window", self._at, dead * (minute < POISON + 59.9), self._process, window="1h"
        )
        for state, rows in (("ready", 62.0 if stalled else 1.0), ("claimed", 0.0 if stalled else 2.0)):
            self._add("bot_inbox_depth", self._at, rows, self._process, state=state)
        for state, rows in (("ready", 90.0 if stalled else 3.0), ("sending", 1.0)):
            self._add("bot_outbox_depth", self._at, rows, self._process, state=state)
        for table, row_bytes in (("inbox", 900), ("outbox", 1100)):
            size = 4e6 + minute * 60 * UPDATES * row_bytes
            self._add("supervisor_table_bytes", self._at, size, self._process, table=table)
            dead_rows = minute % (25 if table == "inbox" else 35) * 60 * UPDATES
            self._add("supervisor_table_dead_rows", self._at, dead_rows, self._process, table=table)
