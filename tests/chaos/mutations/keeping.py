"""The rules of retention, of replays and of the alerts, each broken in one place."""

from __future__ import annotations

from tests.chaos.mutations.mutant import Edit, Mutant, broken

INBOX = "tests/integration/supervisor/inbox/"
RETENTION_TESTS, REPLAY_TESTS = INBOX + "test_retention.py::", INBOX + "test_replay.py::"
ALERT_TESTS = "tests/integration/dashboards/test_alerts.py::test_an_alert_does_what_its_cases_say"
RETENTION = "supervisor/inbox/retention.py"
DONE, DEAD = "supervisor/sql/inbox_forget_done.sql", "supervisor/sql/inbox_forget_dead.sql"
MESSAGES, REPLAY = "bot/sql/outbox_forget.sql", "supervisor/sql/inbox_replay.sql"
RULES = "dashboards/rules.yml"
OLD_ENOUGH = RETENTION_TESTS + "test_only_what_is_settled_and_old_enough_goes"
IN_USE = RETENTION_TESTS + "test_a_message_stays_as_long_as_somebody_may_edit_it"

MUTANTS = (
    broken(
        "retention: done rows go at once",
        DONE,
        "AND settled_at < now() - make_interval(secs => $3::float8)",
        "AND $3::float8 > 0",
        OLD_ENOUGH,
    ),
    broken(
        "retention: dead letters go at once",
        DEAD,
        "AND chosen.settled_at < now() - make_interval(secs => $3::float8)",
        "AND $3::float8 > 0",
        OLD_ENOUGH,
    ),
    broken(
        "retention: what waits goes, too",
        DEAD,
        "WHERE state = 'dead' AND",
        "WHERE state IN ('dead', 'ready', 'claimed') AND",
        OLD_ENOUGH,
    ),
    broken(
        "retention: done rows are kept for an hour",
        RETENTION,
        "DONE_SECONDS = 2 * DAY",
        "DONE_SECONDS = 3600.0",
        RETENTION_TESTS + "test_a_duplicate_within_the_kept_time_is_still_one",
    ),
    broken(
        "retention: a batch has no limit",
        DONE,
        "LIMIT $4::bigint",
        "LIMIT 1000 * $4::bigint",
        RETENTION_TESTS + "test_more_rows_than_a_batch_go_batch_by_batch",
    ),
    broken(
        "retention: a batch of dead letters has no limit",
        DEAD,
        "LIMIT $4::bigint",
        "LIMIT 1000 * $4::bigint",
        RETENTION_TESTS + "test_more_rows_than_a_batch_go_batch_by_batch",
    ),
    broken(
        "retention: waits for rows that somebody holds",
        DONE,
        "FOR UPDATE SKIP LOCKED",
        "FOR UPDATE",
        RETENTION_TESTS + "test_a_row_that_somebody_holds_is_passed_over_and_goes_at_a_later_look",
    ),
    broken(
        "retention: waits for a table that is being changed",
        RETENTION,
        "LOCK_MS = 100",
        "LOCK_MS = 0",
        RETENTION_TESTS + "test_a_table_that_is_being_changed_holds_up_nothing_but_the_removal",
    ),
    broken(
        "retention: what held a batch up holds it up again",
        RETENTION,
        "max(1, self.rows // 2)",
        "self.rows",
        RETENTION_TESTS + "test_a_batch_that_is_held_up_is_tried_again_with_half_as_many_rows",
    ),
    broken(
        "retention: never rests",
        RETENTION,
        "max(pace.least_rest_seconds, pace.rest * (clock() - began))",
        "0.0",
        RETENTION_TESTS + "test_between_batches_it_rests_in_proportion_to_their_time",
    ),
    broken(
        "retention: a message that has an edit goes",
        MESSAGES,
        "NOT EXISTS (SELECT FROM outbox AS edit WHERE edit.edits = chosen.id)",
        "true",
        IN_USE,
    ),
    broken(
        "retention: the message of an open generation goes",
        MESSAGES,
        "state NOT IN ('charged', 'released', 'expired')",
        "false",
        IN_USE,
    ),
    Mutant(
        "replay: in the place of the dead row",
        (
            Edit(
                REPLAY,
                "    INSERT INTO inbox (source, dedupe_key, lane, body, traceparent)\n"
                "    SELECT source, 'replay:' || id, lane, body, traceparent FROM letter\n    RETURNING id\n",
                "    UPDATE inbox SET state = 'ready', attempts = 0, settled_at = NULL, last_error = NULL\n"
                "      FROM letter WHERE inbox.id = letter.id RETURNING inbox.id\n",
            ),
            Edit(REPLAY, "FROM letter, again WHERE inbox.id = letter.id", "FROM letter, again WHERE false"),
        ),
        (REPLAY_TESTS + "test_a_dead_letter_becomes_a_new_row_at_the_end_of_its_lane",),
    ),
    broken(
        "replay: of rows that are not dead",
        REPLAY,
        "AND state = 'dead' AND",
        "AND",
        REPLAY_TESTS + "test_only_a_readable_dead_letter_is_replayed",
    ),
    broken(
        "replay: of bodies that are no update",
        REPLAY,
        " AND lane <> 'op:malformed'",
        "",
        REPLAY_TESTS + "test_only_a_readable_dead_letter_is_replayed",
    ),
    broken(
        "replay: the dead letter stays dead",
        REPLAY,
        "UPDATE inbox SET state = 'done', settled_at = now(), last_error",
        "UPDATE inbox SET last_error",
        REPLAY_TESTS + "test_a_dead_letter_becomes_a_new_row_at_the_end_of_its_lane",
    ),
    broken(
        "replay: an order that nobody knows is done",
        "supervisor/inbox/replay.py",
        '    raise UnknownOrder("Following an order of the operator: this build knows no such order.")',
        "    return 0",
        INBOX + "test_replay.py",
    ),
    broken(
        "QueueStalled: later",
        RULES,
        "(bot_inbox_oldest_age_seconds) > 60",
        "(bot_inbox_oldest_age_seconds) > 90",
        ALERT_TESTS + "[QueueStalled]",
    ),
    broken(
        "QueueStalled: sooner",
        RULES,
        "(bot_inbox_oldest_age_seconds) > 60",
        "(bot_inbox_oldest_age_seconds) > 30",
        ALERT_TESTS + "[QueueStalled]",
    ),
    broken(
        "QueueStalled: at once",
        RULES,
        "(bot_inbox_oldest_age_seconds) > 60\n    for: 3m",
        "(bot_inbox_oldest_age_seconds) > 60\n    for: 0m",
        ALERT_TESTS + "[QueueStalled]",
    ),
    broken(
        "QueueGrowing: only of a long queue",
        RULES,
        '{state="ready"}) > 50\n',
        '{state="ready"}) > 500\n',
        ALERT_TESTS + "[QueueGrowing]",
    ),
    broken(
        "QueueGrowing: of a queue that rests",
        RULES,
        "[15m:1m]) > 0.1",
        "[15m:1m]) > -1",
        ALERT_TESTS + "[QueueGrowing]",
    ),
    broken(
        "QueueGrowing: of a queue that creeps",
        RULES,
        "[15m:1m]) > 0.1",
        "[15m:1m]) > 0.01",
        ALERT_TESTS + "[QueueGrowing]",
    ),
    broken(
        "QueueGrowing: only of one that races",
        RULES,
        "[15m:1m]) > 0.1",
        "[15m:1m]) > 0.9",
        ALERT_TESTS + "[QueueGrowing]",
    ),
    broken("QueueGrowing: after a minute", RULES, "[15m:1m])", "[1m:15s])", ALERT_TESTS + "[QueueGrowing]"),
    broken(
        "QueueGrowing: silent beyond what is counted",
        RULES,
        '{state="ready"}) >= 100000)',
        '{state="ready"}) >= 1000000)',
        ALERT_TESTS + "[QueueGrowing]",
    ),
    broken(
        "QueueGrowing: at once",
        RULES,
        ">= 100000)\n    for: 10m",
        ">= 100000)\n    for: 0m",
        ALERT_TESTS + "[QueueGrowing]",
    ),
    broken(
        "DeadLetters: not of one",
        RULES,
        'bot_inbox_dead_letters_window{window="1h"}) > 0',
        'bot_inbox_dead_letters_window{window="1h"}) > 1',
        ALERT_TESTS + "[DeadLetters]",
    ),
    broken(
        "DeadLetters: not of those that are kept",
        RULES,
        "max by (job) (bot_inbox_dead_letters) > 0",
        "max by (job) (bot_inbox_dead_letters) > 1",
        ALERT_TESTS + "[DeadLetters]",
    ),
    broken(
        "OutboxStalled: while the bot as a whole has its limit",
        RULES,
        '\n      unless sum by (job) (rate(bot_outbox_wait_seconds_total{limit="overall"}[5m])) > 0.05',
        "",
        ALERT_TESTS + "[OutboxStalled]",
    ),
    broken(
        "OutboxStalled: not while a chat has its limit",
        RULES,
        '{limit="overall"}[5m])) > 0.05',
        "[5m])) > 0.05",
        ALERT_TESTS + "[OutboxStalled]",
    ),
    broken(
        "OutboxStalled: later",
        RULES,
        "(bot_outbox_oldest_age_seconds) > 60",
        "(bot_outbox_oldest_age_seconds) > 90",
        ALERT_TESTS + "[OutboxStalled]",
    ),
    broken(
        "PollConflict: at every change of hands",
        RULES,
        "(bot_poll_conflicts_total[10m])) > 3",
        "(bot_poll_conflicts_total[10m])) > 1",
        ALERT_TESTS + "[PollConflict]",
    ),
    broken(
        "PollConflict: later",
        RULES,
        "(bot_poll_conflicts_total[10m])) > 3",
        "(bot_poll_conflicts_total[10m])) > 30",
        ALERT_TESTS + "[PollConflict]",
    ),
    broken(
        "InboxSaturated: by a lost database",
        RULES,
        '{reason=~"full|late"}',
        '{reason=~".+"}',
        ALERT_TESTS + "[InboxSaturated]",
    ),
    broken(
        "InboxSaturated: by a few",
        RULES,
        '{reason=~"full|late"}[5m])) > 10',
        '{reason=~"full|late"}[5m])) > 5',
        ALERT_TESTS + "[InboxSaturated]",
    ),
    broken(
        "burn rate, fast: of a short hour",
        RULES,
        "\n      and job:bot_webhook_ack_errors:ratio_rate1h > 14.4 * 0.005",
        "",
        ALERT_TESTS + "[WebhookAckBudgetBurnFast]",
    ),
    broken(
        "burn rate, fast: of one late answer",
        RULES,
        "\n      and job:bot_webhook_ack_errors:ratio_rate1h * job:bot_webhook_requests:increase1h >= 10",
        "",
        ALERT_TESTS + "[WebhookAckBudgetBurnFast]",
    ),
    broken(
        "burn rate, fast: long after it is over",
        RULES,
        "job:bot_webhook_ack_errors:ratio_rate5m > 14.4 * 0.005\n      and ",
        "",
        ALERT_TESTS + "[WebhookAckBudgetBurnFast]",
    ),
    broken(
        "burn rate, slow: of a bad half hour",
        RULES,
        "\n      and job:bot_webhook_ack_errors:ratio_rate6h > 6 * 0.005",
        "",
        ALERT_TESTS + "[WebhookAckBudgetBurnSlow]",
    ),
    broken(
        "burn rate, slow: of one late answer",
        RULES,
        "\n      and job:bot_webhook_ack_errors:ratio_rate6h * job:bot_webhook_requests:increase6h >= 10",
        "",
        ALERT_TESTS + "[WebhookAckBudgetBurnSlow]",
    ),
    broken(
        "burn rate, slow: long after it is over",
        RULES,
        "job:bot_webhook_ack_errors:ratio_rate30m > 6 * 0.005\n      and ",
        "",
        ALERT_TESTS + "[WebhookAckBudgetBurnSlow]",
    ),
)
