"""The rules of sending, each broken in one place: intents, doubt, moves, edits, order."""

from __future__ import annotations

from tests.chaos.mutations.mutant import broken

TELEGRAM = "tests/integration/bot/telegram/"
OUTBOX_TESTS = TELEGRAM + "test_outbox.py::"
REACH_TESTS = TELEGRAM + "test_reach.py::"
WAIT_TESTS = TELEGRAM + "test_waits.py::"
JUDGE_TESTS = "tests/unit/bot/test_delivery.py"
OUTBOX = "bot/outbox.py"
DELIVERY = "bot/delivery.py"
SENDER = "bot/sender.py"
EFFECTS = "bot/effects.py"
MOVES = "bot/moves.py"
BACKLOG = "bot/backlog.py"
LANES = "bot/lanes.py"
HEADS = "bot/sql/outbox_heads.sql"
INTEND = "bot/sql/outbox_intend.sql"
INTENTS = "bot/sql/outbox_intents.sql"

MUTANTS = (
    broken(
        "who blocked the bot is tried again",
        DELIVERY,
        "if isinstance(error, Forbidden | BadRequest):",
        "if isinstance(error, BadRequest):",
        JUDGE_TESTS,
    ),
    broken(
        "who blocked the bot is not marked",
        SENDER,
        "if isinstance(verdict, Failed) and verdict.unreachable:\n            mark",
        "if False:\n            mark",
        OUTBOX_TESTS + "test_a_blocked_bot_marks_the_user_and_tells_the_owner",
    ),
    broken(
        "who blocked the bot is called for every row",
        DELIVERY,
        '    if row.unreachable:\n        return Failed("the chat takes no messages")\n',
        "",
        JUDGE_TESTS + "::test_an_unreachable_chat_is_not_called",
    ),
    broken(
        "a moved chat is not followed",
        DELIVERY,
        "return Moved(error.new_chat_id, row.attempts - 1) if isinstance(error, ChatMigrated) else None",
        "return Failed(reason(error)) if isinstance(error, ChatMigrated) else None",
        REACH_TESTS + "test_a_group_that_moved_gets_everything_in_order_at_its_new_id",
    ),
    broken(
        "a move is not noted",
        MOVES,
        '        await connection.execute(sql("chat_moved_note"), old, final)\n',
        "",
        REACH_TESTS + "test_a_group_that_moved_gets_everything_in_order_at_its_new_id",
    ),
    broken(
        "a moved chat leaves its rows behind",
        MOVES,
        '    await connection.execute(sql("outbox_move"), lane or f"chat:{old}", final)\n',
        "",
        REACH_TESTS + "test_a_group_that_moved_gets_everything_in_order_at_its_new_id",
    ),
    broken(
        "a move overtakes the call under way",
        OUTBOX,
        'POLL_SECONDS if head["is_behind"] else 0.0',
        "0.0",
        REACH_TESTS + "test_a_move_that_is_told_during_a_call_changes_no_order",
    ),
    broken(
        "a moved chat is found by a sweep only",
        OUTBOX,
        "await moves.followed(connection, [lane for lane in taken if lane not in heads])",
        "list[str]()",
        TELEGRAM + "test_room.py::test_a_move_that_is_told_while_its_chat_waits_is_followed_at_once",
    ),
    broken(
        "a circle of moves is followed",
        MOVES,
        "    if final == old:\n        return None\n",
        "",
        REACH_TESTS + "test_a_chain_of_moves_is_followed_and_a_circle_is_not",
    ),
    broken(
        "no intent before the call",
        SENDER,
        "if not await self._until_stored(lambda connection: self._intend(connection, row)):",
        "if False:",
        OUTBOX_TESTS + "test_the_intent_is_committed_before_the_call",
    ),
    broken(
        "trust is not asked for before the call",
        SENDER,
        "            await self.term.trusted()\n",
        "",
        OUTBOX_TESTS + "test_trust_is_asked_for_between_the_intent_and_the_call",
    ),
    broken(
        "intents of older terms do not wait for the quarantine",
        OUTBOX,
        "anyio.current_time() + outbox.quarantine",
        "anyio.current_time()",
        OUTBOX_TESTS + "test_intents_of_older_terms_wait_for_the_quarantine",
    ),
    broken(
        "intents of older terms are left for ever",
        INTENTS,
        "head.intent_epoch <= $1::bigint",
        "head.intent_epoch = $1::bigint",
        OUTBOX_TESTS + "test_intents_of_an_older_term_are_sent_once_more_and_counted",
    ),
    broken(
        "own intents are left for ever",
        INTENTS,
        "head.intent_epoch <= $1::bigint",
        "head.intent_epoch < $1::bigint",
        OUTBOX_TESTS + "test_an_outbox_started_again_in_its_term_knows_its_own_intents",
    ),
    broken(
        "an ambiguous send is repeated again and again",
        DELIVERY,
        "    if row.ambiguous:\n",
        "    if False:\n",
        JUDGE_TESTS + "::test_a_send_without_an_answer_is_repeated_once_and_counted",
    ),
    broken(
        "an ambiguous send is not counted",
        DELIVERY,
        "RETRY_BASE_SECONDS, row.attempts, ambiguous=True)",
        "RETRY_BASE_SECONDS, row.attempts)",
        JUDGE_TESTS + "::test_a_send_without_an_answer_is_repeated_once_and_counted",
    ),
    broken(
        "a doubt that is noted twice counts twice",
        "bot/sql/outbox_retry.sql",
        "CASE WHEN state = 'sending' THEN $5::integer ELSE 0 END",
        "$5::integer",
        TELEGRAM + "test_answered.py::test_a_doubt_whose_note_was_not_answered_counts_once",
    ),
    broken(
        "a refusal by a gateway is an answer",
        DELIVERY,
        "error.__cause__ is None and _GATEWAY not in error.message.lower()",
        "error.__cause__ is None",
        JUDGE_TESTS,
    ),
    broken(
        "a server error is tried for ever",
        DELIVERY,
        "if row.best_effort or row.attempts >= MAX_ATTEMPTS:",
        "if row.best_effort:",
        JUDGE_TESTS + "::test_a_server_error_is_tried_again_and_not_for_ever",
    ),
    broken(
        "best effort is repeated after an error",
        DELIVERY,
        "        return Sent(row.target_message_id)\n    if row.best_effort:\n",
        "        return Sent(row.target_message_id)\n    if False:\n",
        JUDGE_TESTS + "::test_best_effort_is_tried_once",
    ),
    broken(
        "best effort is repeated after a crash",
        DELIVERY,
        "    if row.best_effort:\n        return Failed(why, quiet=True)\n    if row.repeatable:\n        return later",
        "    if row.repeatable:\n        return later",
        JUDGE_TESTS + "::test_an_intent_found_at_start_is_repeated_once_unless_it_was_best_effort",
    ),
    broken(
        "best effort is made however late",
        DELIVERY,
        "if row.best_effort and row.age > LATE_SECONDS:",
        "if False:",
        OUTBOX_TESTS + "test_a_late_answer_to_a_button_is_left_out",
    ),
    broken(
        "the newest of a lane is sent first",
        HEADS,
        "ORDER BY id LIMIT 1) AS head",
        "ORDER BY id DESC LIMIT 1) AS head",
        OUTBOX_TESTS + "test_rows_go_out_in_the_order_of_their_lane_and_their_result_is_noted",
    ),
    broken(
        "what follows an intent in doubt overtakes it",
        HEADS,
        "WHERE state IN ('ready', 'sending') AND lane = wanted.lane",
        "WHERE state = 'ready' AND lane = wanted.lane",
        OUTBOX_TESTS + "test_intents_of_older_terms_wait_for_the_quarantine",
    ),
    broken(
        "a lane has two calls at a time",
        LANES,
        "        if lane in self._known:\n            return True\n",
        "",
        "tests/unit/bot/test_lanes.py",
    ),
    broken(
        "a lane that waits is looked at at once",
        LANES,
        "len(taken) < most and self.next_due <= now:",
        "len(taken) < most and self._waiting:",
        "tests/unit/bot/test_lanes.py",
    ),
    broken(
        "an edit does not replace those that wait",
        EFFECTS,
        '        await self.connection.execute(sql("outbox_supersede"), outbox_id)\n',
        "",
        REACH_TESTS + "test_a_newer_edit_replaces_one_that_telegram_made_wait",
    ),
    broken(
        "an edit that was replaced is sent",
        INTEND,
        "(state = 'ready' OR (state = 'sending' AND intent_epoch = $2::bigint))",
        "state <> 'sent'",
        REACH_TESTS + "test_an_edit_that_is_replaced_while_it_is_looked_at_is_not_sent",
    ),
    broken(
        "an edit replaces one that is being sent",
        "bot/sql/outbox_supersede.sql",
        "AND state = 'ready'",
        "AND state IN ('ready', 'sending')",
        REACH_TESTS + "test_an_edit_that_is_being_sent_is_not_replaced",
    ),
    broken(
        "an edit does not wait for its message",
        DELIVERY,
        '    if row.target_state in ("ready", "sending"):\n',
        "    if False:\n",
        JUDGE_TESTS + "::test_what_can_be_decided_without_a_call",
    ),
    broken(
        "an answer to a button waits for the chat's messages",
        EFFECTS,
        '"answer" if best_effort else "chat"',
        '"chat"',
        WAIT_TESTS + "test_an_answer_to_a_button_does_not_wait_for_the_chats_messages",
    ),
    broken(
        "an owner does not hear of the end of its row",
        SENDER,
        "        await self.settled(connection, row, verdict)\n",
        "",
        OUTBOX_TESTS + "test_a_blocked_bot_marks_the_user_and_tells_the_owner",
    ),
    broken(
        "a result is lost with the database",
        SENDER,
        "            except self.lost as error:\n",
        "            except ZeroDivisionError as error:\n",
        OUTBOX_TESTS + "test_a_result_is_noted_when_the_database_is_back_and_nothing_is_sent_twice",
    ),
    broken(
        "a row that commits late waits for a sweep",
        BACKLOG,
        "self._gaps = dict(list((kept | dict.fromkeys(missing, now)).items())[-GAPS:])",
        "self._gaps = {}",
        TELEGRAM + "test_backlog.py::test_a_row_that_commits_after_a_later_one_is_found_at_once",
    ),
    broken(
        "what every other way has missed is never swept",
        BACKLOG,
        "if self._place is None and self._sweep_at <= now:",
        "if False:",
        TELEGRAM + "test_backlog.py::test_what_every_other_way_has_missed_is_swept",
    ),
    broken(
        "a stop cuts the call under way off",
        OUTBOX,
        "scope = anyio.CancelScope(shield=True)",
        "scope = anyio.CancelScope()",
        OUTBOX_TESTS + "test_a_stop_lets_the_call_under_way_end_and_notes_it",
    ),
    broken(
        "a fetch that is cancelled by itself ends the outbox",
        SENDER,
        "return isinstance(error, asyncio.CancelledError) and anyio.current_effective_deadline() == -math.inf",
        "return isinstance(error, asyncio.CancelledError)",
        TELEGRAM + "test_files.py::test_a_fetch_that_ends_with_a_cancellation_of_its_own_fails_alone",
    ),
    broken(
        "a call that is cancelled by itself ends the outbox",
        SENDER,
        "            except (Exception, asyncio.CancelledError) as error:\n                if _is_stop",
        "            except Exception as error:\n                if _is_stop",
        TELEGRAM + "test_answered.py::test_a_call_that_ends_with_a_cancellation_of_its_own_concerns_its_row_alone",
    ),
    broken(
        "a stop is a failure of the fetch that it ends",
        SENDER,
        "return isinstance(error, asyncio.CancelledError) and anyio.current_effective_deadline() == -math.inf",
        "return False",
        TELEGRAM + "test_files.py::test_a_stop_is_no_failure_of_the_fetch_that_it_ends",
    ),
    broken(
        "who comes overtakes who found no room",
        BACKLOG,
        "self._is_missed or len(new) > room",
        "len(new) > room",
        TELEGRAM + "test_room.py::test_chats_that_arrive_all_the_time_overtake_none_that_waits",
    ),
    broken(
        "little room is never swept for",
        BACKLOG,
        "room >= (1 if self._sweep_at <= now else SWEEP_ROOM)",
        "room >= SWEEP_ROOM",
        TELEGRAM
        + "test_room.py::test_where_little_room_is_left_for_long_both_who_comes_and_who_waits_beyond_it_get_some",
    ),
)
