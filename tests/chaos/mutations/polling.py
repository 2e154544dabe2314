"""The rules of polling and of the question before a payment, each broken in one place."""

from __future__ import annotations

from tests.chaos.mutations.mutant import broken

TELEGRAM = "tests/integration/bot/telegram/"
POLLER_TESTS, TROUBLE_TESTS = TELEGRAM + "test_poller.py::", TELEGRAM + "test_poller_trouble.py::"
CHECKOUT_TESTS = "tests/integration/app/test_checkout.py::"
ASKED = "tests/unit/bot/test_checkout.py::test_only_what_was_offered_is_taken"
NEXT = "tests/unit/bot/test_offset.py::test_the_next_offset"
POLLER, OFFSET, UPDATES = "bot/poller.py", "bot/offset.py", "bot/updates.py"
TILL, CHECKOUT = "bot/till.py", "bot/checkout.py"

MUTANTS = (
    broken(
        "polling: confirmed before the commit",
        POLLER,
        "            await self._store(arrivals)\n",
        "            self._offset = following([_number(each) for each in arrivals], self._offset).value\n"
        "            await self._store(arrivals)\n",
        POLLER_TESTS + "test_what_was_not_stored_is_asked_for_again_in_the_same_order",
    ),
    broken(
        "polling: a failure changes the order of a lane",
        POLLER,
        "lanes.setdefault(arrival.lane, [])",
        "lanes.setdefault(arrival.dedupe_key, [])",
        POLLER_TESTS + "test_what_was_not_stored_is_asked_for_again_in_the_same_order",
    ),
    broken(
        "polling: a PASSIVE polls",
        POLLER,
        "                await self._term.trusted()\n",
        "",
        POLLER_TESTS + "test_a_term_that_is_over_does_not_poll",
    ),
    broken(
        "polling: a drain cuts off what is being stored",
        POLLER,
        "anyio.Event(), anyio.CancelScope(shield=True)",
        "anyio.Event(), anyio.CancelScope()",
        POLLER_TESTS + "test_what_is_being_stored_at_a_drain_is_committed",
    ),
    broken(
        "polling: a drain waits for the inbox for ever",
        POLLER,
        "storing.deadline = anyio.current_time() + END_SECONDS",
        "storing.deadline = anyio.current_time() + 12.0",
        POLLER_TESTS + "test_a_drain_does_not_wait_long_for_an_inbox_that_does_not_store",
    ),
    broken(
        "polling: who asks before a payment waits for the inbox",
        POLLER,
        "            for arrival in arrivals:\n                group.start_soon(self._answer, arrival.body)\n"
        "            for queue in lanes.values():\n                group.start_soon(self._put, queue, failures)\n",
        "            for queue in lanes.values():\n                group.start_soon(self._put, queue, failures)\n"
        "        for arrival in arrivals:\n            await self._answer(arrival.body)\n",
        POLLER_TESTS + "test_who_asks_before_a_payment_is_answered_before_the_update_is_stored",
    ),
    broken(
        "polling: a conflict is not counted",
        POLLER,
        '            emit(events.PollConflict(reason="poller", found=refusal.found))\n',
        "",
        TROUBLE_TESTS + "test_a_conflict_is_counted_and_waited_out",
    ),
    broken(
        "polling: after a conflict we poll at once",
        POLLER,
        "            return self._slow(failures)\n        if refusal",
        "            return 0.0\n        if refusal",
        TROUBLE_TESTS + "test_a_conflict_is_counted_and_waited_out",
    ),
    broken(
        "polling: a webhook that was set stays",
        POLLER,
        "            await self._reconcile()\n",
        "",
        TROUBLE_TESTS + "test_a_webhook_that_somebody_set_is_removed_again",
    ),
    broken(
        "polling: a wait that Telegram asks for is not kept",
        POLLER,
        "max(delay, refusal.retry_after)",
        "delay",
        TROUBLE_TESTS + "test_any_trouble_is_waited_out",
    ),
    broken(
        "polling: a malformed update blocks its batch",
        UPDATES,
        "    except (ValueError, RecursionError):\n        depth = 0\n",
        "    except (ValueError, RecursionError):\n        return None\n        depth = 0\n",
        "tests/unit/bot/test_updates.py::test_an_entry_that_no_parser_takes_costs_no_other_entry",
    ),
    broken(
        "polling: more is confirmed than was fetched",
        OFFSET,
        "beyond = min(last + len(numbers) - place, LARGEST)",
        "beyond = min(last + len(numbers), LARGEST)",
        NEXT,
    ),
    broken(
        "polling: what has no number is never passed by",
        OFFSET,
        "min(asked + len(numbers), LARGEST)",
        "asked",
        NEXT,
    ),
    broken(
        "payment: ok without an order",
        TILL,
        '        if row is None:\n            return "unknown"\n',
        "        if row is None:\n            return None\n",
        CHECKOUT_TESTS + "test_any_other_payment_is_refused_in_the_payers_language",
    ),
    broken("payment: ok to somebody else", CHECKOUT, "if order.user_id != query.user_id:", "if False:", ASKED),
    broken("payment: ok twice", CHECKOUT, 'if order.state == "paid":', "if False:", ASKED),
    broken("payment: ok for a cancelled order", CHECKOUT, 'if order.state != "open":', "if False:", ASKED),
    broken(
        "payment: ok at any price",
        CHECKOUT,
        "if (order.currency, order.amount) != (query.currency, query.amount):",
        "if False:",
        ASKED,
    ),
    broken("payment: ok too late", CHECKOUT, "order.expires_at <= now", "False", ASKED),
    broken(
        "payment: ok without a database",
        TILL,
        'raise NoAnswer("Looking up an order before its payment: the database does not answer.") from error',
        "return None",
        CHECKOUT_TESTS + "test_without_a_database_telegram_is_asked_to_come_again",
    ),
    broken(
        "payment: a database that hangs takes the time to come again",
        TILL,
        "with anyio.fail_after(READ_SECONDS):",
        "with anyio.fail_after(None):",
        CHECKOUT_TESTS + "test_a_database_that_does_not_answer_leaves_time_to_come_again",
    ),
    broken(
        "payment: nobody hears that a call was in vain",
        TILL,
        '        emit(events.PreCheckoutAnswered(answer="unanswered", seconds=_since(began), error=failure))\n',
        "",
        TELEGRAM + "test_till.py::test_the_whole_answer_has_a_deadline",
    ),
    broken(
        "payment: nobody hears that the database was away",
        TILL,
        '            emit(events.PreCheckoutAnswered(answer="unanswered", seconds=_since(began), error=error.__cause__))\n',
        "",
        CHECKOUT_TESTS + "test_without_a_database_telegram_is_asked_to_come_again",
    ),
    broken(
        "payment: a call has no deadline",
        TILL,
        "with anyio.move_on_after(ANSWER_SECONDS):",
        "with anyio.move_on_after(None):",
        TELEGRAM + "test_till.py::test_the_whole_answer_has_a_deadline",
    ),
)
