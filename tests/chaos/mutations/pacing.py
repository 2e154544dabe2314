"""The rules of Telegram's limits and waits, each broken in one place."""

from __future__ import annotations

from tests.chaos.mutations.mutant import broken

TELEGRAM = "tests/integration/bot/telegram/"
WAIT_TESTS = TELEGRAM + "test_waits.py::"
FLOOD_TESTS = "tests/unit/bot/test_floods.py::"
LIMIT_TESTS = "tests/unit/bot/test_limits.py"
JUDGE_TESTS = "tests/unit/bot/test_delivery.py"
OUTBOX = "bot/outbox.py"
DELIVERY = "bot/delivery.py"
LIMITS = "bot/limits.py"

MUTANTS = (
    broken("limits: none for a chat", LIMITS, "Pace(self._limits.chat)", "Pace((1_000, 1.0))", LIMIT_TESTS),
    broken("limits: two a second for a chat", LIMITS, "(1, 1.0)", "(2, 1.0)", LIMIT_TESTS),
    broken(
        "limits: none for a group", LIMITS, "return paces if chat_id > 0 else", "return paces if True else", LIMIT_TESTS
    ),
    broken("limits: thirty a minute for a group", LIMITS, "(20, 60.0)", "(30, 60.0)", LIMIT_TESTS),
    broken("limits: forty a second for the bot", LIMITS, "(30, 1.0)", "(40, 1.0)", LIMIT_TESTS),
    broken(
        "limits: a call under way takes no place",
        LIMITS,
        "self._overall.free(now) - self._under_way",
        "self._overall.free(now)",
        LIMIT_TESTS,
    ),
    broken(
        "limits: none for the bot",
        OUTBOX,
        "min(messages, self._rates.free(now))",
        "messages",
        WAIT_TESTS + "test_calls_stay_below_the_overall_limit",
    ),
    broken(
        "limits: the outbox does not ask for the chat's",
        OUTBOX,
        "wait, limit = self._rates.chat_wait(row.chat_id, now)",
        'wait, limit = 0.0, "chat"',
        WAIT_TESTS + "test_a_new_term_knows_what_the_last_minute_has_used",
    ),
    broken(
        "limits: a new term begins with empty windows",
        OUTBOX,
        '            self._rates.count(row["chat_id"], now - row["age"])\n',
        "            pass\n",
        WAIT_TESTS + "test_a_new_term_knows_what_the_last_minute_has_used",
    ),
    broken(
        "limits: an answer to a button counts",
        LIMITS,
        'frozenset({"answerCallbackQuery"})',
        "frozenset[str]()",
        WAIT_TESTS + "test_an_answer_to_a_button_does_not_wait_for_the_chats_messages",
    ),
    broken(
        "RetryAfter stops nobody",
        DELIVERY,
        "after = min(max(wait_asked(error), RETRY_AFTER_FLOOR_SECONDS), RETRY_AFTER_CAP_SECONDS)",
        "after = 0.0",
        JUDGE_TESTS + "::test_flood_control_is_obeyed_and_not_held_against_the_row",
    ),
    broken(
        "RetryAfter is an attempt",
        DELIVERY,
        "return Again(reason(error), after, row.attempts - 1, limited=True)",
        "return Again(reason(error), after, row.attempts, limited=True)",
        JUDGE_TESTS + "::test_flood_control_is_obeyed_and_not_held_against_the_row",
    ),
    broken(
        "RetryAfter stops everybody",
        LIMITS,
        "len(self._told) >= FLOODED_CHATS",
        "self._told",
        LIMIT_TESTS + "::test_one_chat_that_must_wait_stops_nobody_else",
    ),
    broken(
        "RetryAfter to many stops nobody else",
        LIMITS,
        "        if self.pause(now):\n            return 0\n",
        "",
        WAIT_TESTS + "test_several_chats_told_to_wait_at_once_pause_everything",
    ),
    broken(
        "RetryAfter to groups stops everybody",
        LIMITS,
        "if chat_id < 0 or self.pause(now):",
        "if self.pause(now):",
        FLOOD_TESTS + "test_groups_that_are_told_to_wait_stop_no_person",
    ),
    broken(
        "RetryAfter to many: all go on at once",
        LIMITS,
        "return min(free, 1 - sum(at >= since for at in began)) if self._is_trying else free",
        "return free",
        FLOOD_TESTS + "test_a_pause_is_short_however_long_the_waits_are",
    ),
    broken(
        "RetryAfter to many stops everybody for as long as they were told",
        LIMITS,
        "min(now + PAUSE_SECONDS, *(end for _, end in self._told.values()))",
        "min(end for _, end in self._told.values())",
        FLOOD_TESTS + "test_a_pause_is_short_however_long_the_waits_are",
    ),
    broken(
        "RetryAfter: a new term asks again at once",
        "bot/sql/outbox_heads.sql",
        "ELSE extract(epoch FROM head.run_at - now()) END::float8 AS wait",
        "ELSE 0 END::float8 AS wait",
        WAIT_TESTS + "test_a_new_term_honours_the_wait_that_telegram_asked_for",
    ),
    broken(
        "RetryAfter to many: a call from before the pause is the one that is tried",
        LIMITS,
        "sum(at >= since for at in began)",
        "len(began)",
        TELEGRAM + "test_places.py::test_a_call_from_before_a_pause_does_not_keep_the_next_one_from_being_tried",
    ),
    broken(
        "RetryAfter to many: a slow call holds up the next one that is tried",
        LIMITS,
        "since = max(self._until, now - TRIAL_SECONDS)",
        "since = self._until",
        TELEGRAM + "test_places.py::test_a_slow_call_after_a_pause_does_not_keep_the_next_one_from_being_tried",
    ),
    broken(
        "RetryAfter: a clock that was set back adds to the wait",
        "bot/sql/outbox_heads.sql",
        "make_interval(secs => $2::float8)",
        "make_interval(secs => 1000 * $2::float8)",
        TELEGRAM + "test_clock.py::test_a_row_that_was_tried_waits_an_hour_at_most_however_far_the_clock_was_set_back",
    ),
)
