"""The rules of the rounds, of one attempt and of its transaction, each broken in one place."""

from __future__ import annotations

from tests.chaos.mutations.mutant import broken

INBOX = "tests/integration/supervisor/inbox/"
HANDLING_TESTS, TERM_TESTS = INBOX + "test_handling.py::", INBOX + "test_term.py::"
SHIFT_TESTS, DOUBT_TESTS = INBOX + "test_shift.py::", INBOX + "test_doubt.py::"
SHIFT, ATTEMPT, SLOTS = "supervisor/inbox/shift.py", "supervisor/inbox/attempt.py", "supervisor/inbox/slots.py"
OUTCOMES, WRITING = "supervisor/inbox/outcomes.py", "supervisor/inbox/writing.py"

MUTANTS = (
    broken(
        "attempt: done is not in the handler's transaction",
        ATTEMPT,
        "                        await self.claims.done(writing, row)\n",
        "                        async with self.database.transaction() as other:\n"
        "                            await self.claims.done(other, row)\n",
        SHIFT_TESTS + "test_whatever_fails_every_update_takes_effect_once_and_in_order",
    ),
    broken(
        "attempt: the end of the term is a failure",
        ATTEMPT,
        "        except OVER:\n            raise\n",
        "",
        TERM_TESTS + "test_a_term_that_ends_under_a_handler_is_no_failure_of_its_row",
    ),
    broken(
        "attempt: the loss of the database is a failure",
        ATTEMPT,
        "        except PASSING as error:\n",
        "        except ZeroDivisionError as error:\n",
        HANDLING_TESTS + "test_the_loss_of_the_database_costs_no_attempt",
    ),
    broken(
        "attempt: too slow costs no attempt",
        ATTEMPT,
        "        if slot.is_late:\n",
        "        if slot.is_late and self.lanes.spare(row, anyio.current_time()) is None:\n",
        HANDLING_TESTS + "test_a_handler_that_takes_too_long_is_rolled_back_and_counted",
    ),
    broken(
        "writing: what a failed handler wrote is committed",
        WRITING,
        "return await self._transaction.__aexit__(kind, error, trace)",
        "return await self._transaction.__aexit__(None, None, None)",
        HANDLING_TESTS + "test_a_failing_handler_leaves_nothing_and_is_tried_again_before_what_follows",
    ),
    broken(
        "writing: every handler may write at once",
        SHIFT,
        "anyio.Semaphore(worker.pace.transactions)",
        "anyio.Semaphore(1_000)",
        SHIFT_TESTS + "test_handlers_that_write_wait_for_their_turn_at_no_cost_to_their_time",
    ),
    broken(
        "writing: waiting for a turn is the handler's time",
        WRITING,
        "        self._limit.until = math.inf\n",
        "",
        SHIFT_TESTS + "test_handlers_that_write_wait_for_their_turn_at_no_cost_to_their_time",
    ),
    broken(
        "writing: a turn is never given back",
        WRITING,
        "        finally:\n            self._turns.release()\n",
        "        finally:\n            pass\n",
        HANDLING_TESTS + "test_handlers_done_and_effects_commit_together",
    ),
    broken(
        "writing: a failure to begin can be swallowed",
        WRITING,
        "                    self._failure = error\n",
        "",
        SHIFT_TESTS + "test_a_handler_that_swallows_the_failure_to_begin_is_not_done",
    ),
    broken(
        "writing: a handler that makes no statement takes a connection",
        WRITING,
        "    async def __aenter__(self) -> Self:\n",
        "    async def __aenter__(self) -> Self:\n        await self._opened()\n",
        SHIFT_TESTS + "test_handlers_that_make_no_statement_need_no_connection",
    ),
    broken(
        "slots: a handler has no time limit",
        SLOTS,
        '                    slot.scope.cancel("over its time")\n',
        "",
        HANDLING_TESTS + "test_a_handler_that_takes_too_long_is_rolled_back_and_counted",
    ),
    broken(
        "slots: a drain starts what waits",
        SLOTS,
        "        self._queue.clear()\n",
        "",
        INBOX + "test_drain.py::test_a_drain_lets_handlers_finish_and_hands_the_rest_back",
    ),
    broken(
        "slots: a drain waits for handlers for ever",
        SLOTS,
        "end = min(end, now + grace())",
        "end = min(end, now + 12.0)",
        INBOX + "test_drain.py::test_a_handler_beyond_the_drains_deadline_is_rolled_back_and_handed_back",
    ),
    broken(
        "slots: a cancelled slot takes another row",
        SLOTS,
        "while not (slot.scope.cancel_called or self._is_closed):",
        "while not self._is_closed:",
        SHIFT_TESTS + "test_a_handler_that_ends_though_it_was_cancelled_spoils_no_other_row",
    ),
    broken(
        "slots: more handlers than allowed",
        SLOTS,
        "elif len(self._slots) < self._number:",
        "else:",
        INBOX + "test_drain.py::test_a_drain_lets_handlers_finish_and_hands_the_rest_back",
    ),
    broken(
        "shift: a drain lets nobody finish",
        SHIFT,
        "lambda: 0.0 if self._over else self._worker.grace()",
        "lambda: 0.0",
        INBOX + "test_drain.py::test_a_drain_lets_handlers_finish_and_hands_the_rest_back",
    ),
    broken(
        "shift: a drain goes on claiming",
        SHIFT,
        "                        await slots.finish(lambda",
        "                        while slots.running:\n                            await self._round(slots)\n"
        "                        await slots.finish(lambda",
        INBOX + "test_drain.py::test_a_drain_lets_handlers_finish_and_hands_the_rest_back",
    ),
    broken(
        "shift: a drain forgets what has ended",
        SHIFT,
        "fates = dict(pending.fates)",
        "fates = dict[int, Fate]()",
        SHIFT_TESTS + "test_outcomes_are_written_before_the_rest_is_handed_back",
    ),
    broken(
        "shift: a drain hands nothing back",
        SHIFT,
        "                await self._hand_back()\n",
        "                pass\n",
        INBOX + "test_drain.py::test_a_drain_lets_handlers_finish_and_hands_the_rest_back",
    ),
    broken(
        "shift: a drain forgets a claim in doubt",
        SHIFT,
        "rows = await self._claims.release(connection)\n",
        "rows = 0\n",
        DOUBT_TESTS + "test_a_drain_hands_back_what_a_claim_in_doubt_has_taken",
    ),
    broken(
        "shift: a claim in doubt is forgotten",
        SHIFT,
        "                self._is_in_doubt = True\n                self._worker.unsure.update(chosen)\n",
        "                pass\n",
        DOUBT_TESTS + "test_a_claim_whose_commit_comes_late_is_waited_for",
    ),
    broken(
        "shift: a start of a claim in doubt stays counted",
        SHIFT,
        "                self._worker.unsure.update(chosen)\n",
        "",
        DOUBT_TESTS + "test_a_claim_whose_commit_comes_late_is_waited_for",
    ),
    broken(
        "shift: a claim in doubt is not waited for",
        SHIFT,
        "                await self._claims.await_others(connection, unsure)\n",
        "                pass\n",
        DOUBT_TESTS + "test_a_claim_whose_commit_comes_late_is_waited_for",
    ),
    broken(
        "shift: what has run is made ready by a recovery",
        SHIFT,
        "await self.recover(pending.fates)",
        "await self.recover()",
        DOUBT_TESTS + "test_a_handled_row_is_not_started_again_behind_later_ones_when_its_settlement_is_lost",
    ),
    broken(
        "shift: an outcome whose round was lost is forgotten",
        OUTCOMES,
        "        self._fates = pending.fates | self._fates\n",
        "",
        DOUBT_TESTS + "test_a_handled_row_is_not_started_again_behind_later_ones_when_its_settlement_is_lost",
    ),
    broken(
        "shift: the next of a lane starts before the one that wrote nothing is settled",
        OUTCOMES,
        '        self._fates[row.id] = Fate("done", row.attempts)\n',
        "",
        SHIFT_TESTS + "test_no_row_starts_before_those_ahead_of_it_are_settled",
    ),
    broken(
        "shift: a commit whose answer was lost is repeated",
        SHIFT,
        "slots.start([row for row in heads.starting if row.id in ours])",
        "slots.start(heads.starting)",
        HANDLING_TESTS + "test_a_commit_whose_answer_was_lost_is_not_repeated",
    ),
    broken(
        "shift: another start is not counted before the handler",
        OUTCOMES,
        'fates[row.id] = Fate("claimed", row.attempts, noted.error if noted else None)',
        'fates[row.id] = Fate("claimed", row.attempts - 1, noted.error if noted else None)',
        HANDLING_TESTS + "test_the_start_is_written_down_before_the_handler_runs",
    ),
    broken(
        "shift: a head that killed its process starts with its claim",
        SHIFT,
        "int(not row.tried)",
        "1",
        HANDLING_TESTS + "test_a_handler_that_killed_its_process_five_times_is_not_started_again",
    ),
    broken(
        "rounds: a dead letter whose answer was lost is done",
        SHIFT,
        'if ended.get(row.id) == "done":',
        "if row.id in ended:",
        INBOX + "test_answers_lost.py::test_a_dead_letter_is_told_as_one_when_the_answer_to_its_commit_is_lost",
    ),
    broken(
        "rounds: what was done is a dead letter",
        SHIFT,
        'if ended.get(row.id) == "done":',
        "if False:",
        INBOX + "test_answers_lost.py::test_a_last_start_that_was_cut_short_after_its_commit_is_done",
    ),
    broken(
        "rounds: a drain does not wait for a claim in doubt",
        SHIFT,
        "if self._worker.unsure:",
        "if False:",
        DOUBT_TESTS + "test_a_drain_waits_for_a_claim_in_doubt_and_gives_it_back",
    ),
)
