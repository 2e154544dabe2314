"""The rules of acceptance, each broken in one place: the writer, the routes, the row that an update becomes."""

from __future__ import annotations

from tests.chaos.mutations.mutant import broken

INBOX, APP = "tests/integration/supervisor/inbox/", "tests/integration/app/"
WRITER_TESTS, BATCH_TESTS = INBOX + "test_writer.py::", INBOX + "test_writer_batches.py::"
WEBHOOK_TESTS = APP + "test_webhook.py::"
BATCH, WRITER, STORE = "supervisor/inbox/batch.py", "supervisor/inbox/writer.py", "supervisor/sql/inbox_store.sql"
INTAKE, WEBHOOK, CALLBACKS = "supervisor/app/intake.py", "supervisor/app/webhook.py", "supervisor/app/callbacks.py"
INGRESS = "bot/ingress.py"

MUTANTS = (
    broken(
        "writer: told before the commit",
        BATCH,
        "        try:\n            stored = await connection.fetch(\n",
        "        self._tell_each({(each.source, each.dedupe_key) for each in arrivals})\n"
        "        try:\n            stored = await connection.fetch(\n",
        WRITER_TESTS + "test_nobody_waits_longer_than_the_deadline",
    ),
    broken(
        "writer: a duplicate is told new",
        BATCH,
        '"new" if key in new else "duplicate"',
        '"new"',
        WRITER_TESTS + "test_equal_keys_in_one_batch_are_one_row_and_one_of_them_was_new",
    ),
    broken(
        "writer: equal keys of one batch are all new",
        BATCH,
        "            new.discard(key)\n",
        "",
        WRITER_TESTS + "test_equal_keys_in_one_batch_are_one_row_and_one_of_them_was_new",
    ),
    broken(
        "writer: a refused row loses its batch",
        BATCH,
        "if len(self.waiters) == 1:",
        "if self.waiters:",
        WRITER_TESTS + "test_a_row_that_the_database_refuses_loses_no_other_row_of_its_batch",
    ),
    broken(
        "writer: a batch that ends a deadlock is lost",
        BATCH,
        "    asyncpg.DeadlockDetectedError,\n",
        "",
        BATCH_TESTS + "test_a_batch_that_ends_a_deadlock_is_stored_row_by_row",
    ),
    broken(
        "writer: halves are written after their deadline",
        BATCH,
        "if half[0].deadline > anyio.current_time():",
        "if half:",
        BATCH_TESTS + "test_no_half_is_written_after_its_deadline",
    ),
    broken(
        "writer: a batch has no deadline",
        BATCH,
        "left = max(LEAST_SECONDS, self.waiters[0].deadline - anyio.current_time())",
        "left = 60.0",
        WRITER_TESTS + "test_nobody_waits_longer_than_the_deadline",
    ),
    broken(
        "writer: a commit wakes nobody",
        BATCH,
        "        self.committed()\n",
        "",
        WRITER_TESTS + "test_every_commit_wakes_the_worker",
    ),
    broken(
        "writer: rows are not bounded",
        WRITER,
        "full = len(self._buffer) >= self._limits.rows or ",
        "full = ",
        WRITER_TESTS + "test_a_full_buffer_refuses_and_stores_the_rest",
    ),
    broken(
        "writer: bytes are not bounded",
        WRITER,
        " or self._bytes + len(arrival.body) > self._limits.bytes",
        "",
        WRITER_TESTS + "test_a_full_buffer_refuses_and_stores_the_rest",
    ),
    broken(
        "writer: bytes are not given back",
        WRITER,
        "            self._bytes -= size\n",
        "",
        BATCH_TESTS + "test_a_full_buffer_takes_arrivals_again_once_it_has_drained",
    ),
    broken(
        "writer: a batch has no bound of bytes",
        WRITER,
        "if batch and size > room:",
        "if False:",
        BATCH_TESTS + "test_a_batch_is_bounded_in_bytes_and_a_larger_row_goes_alone",
    ),
    broken(
        "writer: nobody shares a commit",
        WRITER,
        "len(batch) < rows:",
        "len(batch) < 1:",
        WRITER_TESTS + "test_a_crowd_shares_commits_and_keeps_its_order",
    ),
    broken(
        "writer: who gave up is written",
        WRITER,
        "if not waiter.told.done():",
        "if True:",
        BATCH_TESTS + "test_who_gave_up_before_its_turn_is_not_written",
    ),
    broken(
        "writer: taken in without a connection",
        WRITER,
        "if not self.connected:",
        "if False:",
        WRITER_TESTS + "test_before_it_is_connected_nothing_is_accepted",
    ),
    broken(
        "writer: the batch of a lost connection is told nothing",
        WRITER,
        'tell_all((*batch, *self._buffer), "lost")',
        'tell_all(self._buffer, "lost")',
        BATCH_TESTS + "test_the_batch_under_way_hears_at_once_of_a_lost_connection",
    ),
    broken(
        "writer: a stop cuts a commit off",
        WRITER,
        "with anyio.CancelScope(shield=True):",
        "with anyio.CancelScope():",
        WRITER_TESTS + "test_a_stop_ends_the_flush_under_way_and_refuses_the_rest",
    ),
    broken(
        "writer: a commit does not wait for the disk",
        WRITER,
        'settings={"synchronous_commit": "on"}',
        "settings={}",
        WRITER_TESTS + "test_the_commit_is_synchronous_whatever_the_role_says",
    ),
    broken(
        "writer: a batch loses its order",
        STORE,
        " ORDER BY place\n",
        " ORDER BY place DESC\n",
        WRITER_TESTS + "test_a_crowd_shares_commits_and_keeps_its_order",
    ),
    broken(
        "writer: a dead arrival is kept ready",
        STORE,
        "ELSE 'dead' END",
        "ELSE 'ready' END",
        WRITER_TESTS + "test_a_dead_arrival_is_kept_dead_with_its_reason",
    ),
    broken(
        "webhook: 200 for what was not stored",
        INTAKE,
        'raise Refused(503, "not storable now", retry_after=error.retry_after) from error',
        "return",
        WEBHOOK_TESTS + "test_an_inbox_that_cannot_store_now_is_503_with_retry_after",
    ),
    broken(
        "webhook: 200 before the commit",
        INTAKE,
        "                await self._store(arrival)\n            except Refused as refused:\n",
        "                import asyncio\n                self.task = asyncio.ensure_future(self._store(arrival))\n"
        "            except Refused as refused:\n",
        WEBHOOK_TESTS + "test_an_inbox_that_cannot_store_now_is_503_with_retry_after",
    ),
    broken(
        "webhook: 503 without Retry-After",
        INTAKE,
        'self.headers = ((b"retry-after", b"%d" % retry_after),) if retry_after else ()',
        "self.headers = ()",
        WEBHOOK_TESTS + "test_an_inbox_that_cannot_store_now_is_503_with_retry_after",
    ),
    broken(
        "webhook: a body has no bound",
        INTAKE,
        "if len(body) > MAX_BODY:",
        "if False:",
        WEBHOOK_TESTS + "test_a_body_over_1_mib_is_413_with_and_without_a_length",
    ),
    broken(
        "webhook: a body is read to its end however long it is",
        INTAKE,
        "while more and len(body) <= MAX_BODY:",
        "while more:",
        "tests/unit/supervisor/app/test_intake.py::test_a_body_is_read_no_further_than_its_bound",
    ),
    broken(
        "webhook: a body may take for ever",
        INTAKE,
        "with anyio.fail_after(BODY_SECONDS):",
        "with anyio.fail_after(None):",
        WEBHOOK_TESTS + "test_a_body_that_stops_in_the_middle_holds_up_nobody_and_is_given_up",
    ),
    broken(
        "webhook: any secret will do",
        WEBHOOK,
        "if not compare_digest(delivery.header(SECRET_HEADER), expected.token.encode()):",
        "if False:",
        WEBHOOK_TESTS + "test_the_wrong_path_is_404_and_the_wrong_secret_401",
    ),
    broken(
        "webhook: any path will do",
        WEBHOOK,
        "if not compare_digest(delivery.token.encode(), expected.path.encode()):",
        "if False:",
        WEBHOOK_TESTS + "test_the_wrong_path_is_404_and_the_wrong_secret_401",
    ),
    broken(
        "webhook: a malformed body is refused",
        WEBHOOK,
        "        return ingress.arrival(await delivery.body())\n",
        "        found = ingress.arrival(await delivery.body())\n        if found.dead:\n"
        "            raise Refused(400, found.dead)\n        return found\n",
        WEBHOOK_TESTS + "test_a_body_that_is_no_update_is_200_and_a_dead_row",
    ),
    broken(
        "callbacks: any token will do",
        CALLBACKS,
        "if not await known(token):",
        "if False:",
        APP + "test_callbacks.py::test_an_unknown_token_is_404_and_stores_nothing",
    ),
    broken(
        "callbacks: whoever guesses tokens takes the whole pool",
        CALLBACKS,
        "LOOKUPS_AT_ONCE = 2\n",
        "LOOKUPS_AT_ONCE = 50\n",
        APP + "test_callbacks.py::test_however_many_guess_tokens_most_of_the_pool_stays_free",
    ),
    broken(
        "ingress: a lane is its user's though it has a chat",
        INGRESS,
        "if chat is not None:",
        "if False:",
        "tests/unit/bot/test_ingress.py",
    ),
    broken(
        "ingress: all malformed bodies are one",
        INGRESS,
        "hashlib.sha256(body).hexdigest()",
        '"malformed"',
        "tests/unit/bot/test_ingress.py",
    ),
)
