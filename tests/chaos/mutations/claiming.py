"""The rules by which rows are looked at, claimed and told of, each broken in one place."""

from __future__ import annotations

from tests.chaos.mutations.mutant import Edit, Mutant, broken

INBOX, UNIT = "tests/integration/supervisor/inbox/", "tests/unit/supervisor/inbox/test_lanes.py::"
CLAIM_TESTS = INBOX + "test_claims.py::"
FEED_TESTS = "tests/property/supervisor/test_feed.py"
CHOICES = "tests/unit/supervisor/inbox/test_feed.py::"
CLAIM, TELL, DONE = "supervisor/sql/inbox_claim.sql", "supervisor/sql/inbox_tell.sql", "supervisor/sql/inbox_done.sql"
RELEASE = "supervisor/sql/inbox_release.sql"
FEED, LANES = "supervisor/inbox/feed.py", "supervisor/inbox/lanes.py"

MUTANTS = (
    broken(
        "claim: takes what is claimed already",
        CLAIM,
        "AND state = 'ready'",
        "AND state IN ('ready', 'claimed')",
        CLAIM_TESTS + "test_a_claim_counts_the_starts_it_is_told_and_leaves_what_is_not_ready",
    ),
    broken(
        "claim: a start is not counted before the handler",
        CLAIM,
        "attempts = attempts + chosen.starts",
        "attempts = attempts",
        INBOX + "test_handling.py::test_the_start_is_written_down_before_the_handler_runs",
    ),
    broken(
        "tell: needs no epoch",
        TELL,
        "owner_epoch = $5::bigint\n",
        "$5::bigint > 0\n",
        CLAIM_TESTS + "test_another_terms_row_is_not_ours_to_settle",
    ),
    broken(
        "done: needs no epoch",
        DONE,
        "owner_epoch = $2::bigint\n",
        "$2::bigint > 0\n",
        CLAIM_TESTS + "test_another_terms_row_is_not_ours_to_settle",
    ),
    broken(
        "done: a row that is not ours is done",
        "supervisor/inbox/claims.py",
        'await connection.fetchval(sql("inbox_done"), row.id, self.epoch) is None',
        'await connection.fetchval(sql("inbox_done"), row.id, self.epoch) == 0',
        CLAIM_TESTS + "test_another_terms_row_is_not_ours_to_settle",
    ),
    broken(
        "release: rows of older epochs stay claimed",
        RELEASE,
        "owner_epoch <= $1::bigint",
        "owner_epoch = $1::bigint",
        INBOX + "test_term.py::test_rows_that_an_older_term_had_claimed_are_handled_at_once",
    ),
    broken(
        "release: what is held is taken back, too",
        RELEASE,
        "id <> ALL ($2::bigint[])",
        "$2::bigint[] IS NOT NULL",
        CLAIM_TESTS + "test_release_leaves_what_is_held",
    ),
    broken(
        "release: attempts begin anew",
        RELEASE,
        "SET state = 'ready', owner_epoch = NULL",
        "SET state = 'ready', owner_epoch = NULL, attempts = 0",
        CLAIM_TESTS + "test_a_new_term_takes_back_the_rows_of_older_ones_with_their_attempts",
    ),
    broken(
        "feed: a lane that is held goes on",
        FEED,
        "if known.ids and lane not in self._held)",
        "if known.ids)",
        CHOICES + "test_of_a_lane_one_row_is_chosen_and_none_while_one_is_held",
    ),
    broken(
        "feed: the newest first",
        FEED,
        "nsmallest(room, free) if len(free) > room else sorted(free)",
        "sorted(free, reverse=True)[:room]",
        CHOICES + "test_the_oldest_are_chosen_first",
    ),
    broken(
        "feed: gaps are not asked again",
        FEED,
        "gaps = tuple(self._gaps) if ahead else ()",
        "gaps = ()",
        CHOICES + "test_a_row_that_was_committed_late_comes_before_the_next_of_its_lane",
    ),
    broken(
        "feed: what was missed is never swept",
        FEED,
        "if self._sweep is not None or not self._head or now < self._sweep_at:",
        "if True:",
        CHOICES + "test_a_row_that_is_too_late_to_be_asked_for_is_found_all_the_same",
    ),
    broken(
        "feed: never a whole sweep",
        FEED,
        "self._sweep = 0 if now >= self._whole_at else self._passed[0][1]",
        "self._sweep = self._passed[0][1]",
        CHOICES + "test_a_row_that_is_too_late_to_be_asked_for_is_found_all_the_same",
    ),
    broken(
        "feed: beyond what is kept the order is lost",
        FEED,
        "            if known.known_to is None:\n                self._append(known, row)\n",
        "            self._append(known, row)\n",
        FEED_TESTS,
    ),
    broken(
        "feed: all of a busy lane is kept",
        FEED,
        "        if len(known.ids) < self._keep:\n            known.ids.append(row.id)\n            self._note(row)\n"
        "        else:\n            known.known_to = known.ids[-1]\n",
        "        known.ids.append(row.id)\n        self._note(row)\n",
        FEED_TESTS,
    ),
    broken(
        "lanes: a lane goes on after a failure",
        LANES,
        "return name in self._lanes\n",
        "return name in self._lanes and name not in (lane for _, lane in self._waiting)\n",
        UNIT + "test_a_failing_head_holds_up_its_lane_until_its_delay_has_passed",
    ),
    broken(
        "lanes: a failure does not wait",
        LANES,
        "delay = self._backoff.delay(row.attempts, self._rng)",
        "delay = 0.0",
        UNIT + "test_a_failing_head_holds_up_its_lane_until_its_delay_has_passed",
    ),
    Mutant(
        "lanes: poison is never given up",
        (
            Edit(LANES, "if for_good or row.attempts >= self._max_starts:", "if for_good:"),
            Edit(LANES, "if lane.doom is not None or starts >= self._max_starts:", "if lane.doom is not None:"),
        ),
        (UNIT + "test_after_its_last_start_a_head_is_handed_out_doomed_and_then_the_lane_goes_on",),
    ),
    broken(
        "lanes: what kills its process is started for ever",
        LANES,
        "if lane.doom is not None or starts >= self._max_starts:",
        "if lane.doom is not None:",
        UNIT + "test_a_row_that_was_started_often_enough_by_others_is_doomed_before_it_starts",
    ),
    broken(
        "lanes: six starts",
        LANES,
        "MAX_STARTS = 5\n",
        "MAX_STARTS = 6\n",
        INBOX + "test_handling.py::test_a_handler_that_killed_its_process_five_times_is_not_started_again",
    ),
    broken(
        "lanes: a hopeless row is tried again",
        LANES,
        "if for_good or row.attempts >= self._max_starts:",
        "if row.attempts >= self._max_starts:",
        UNIT + "test_a_hopeless_failure_dooms_the_head_at_once",
    ),
    broken(
        "lanes: spared without bound",
        LANES,
        "if lane.blamed > MAX_SPARED or lane.spared >= MOST_SPARED:",
        "if lane.spared >= MOST_SPARED:",
        UNIT + "test_a_spared_start_is_not_counted_and_sparing_has_an_end",
    ),
    broken(
        "lanes: spared for ever while nobody else commits",
        LANES,
        "if lane.blamed > MAX_SPARED or lane.spared >= MOST_SPARED:",
        "if lane.blamed > MAX_SPARED:",
        UNIT + "test_nobody_is_to_blame_while_the_database_commits_nothing",
    ),
    broken(
        "lanes: blamed while the database commits nothing",
        LANES,
        "if self._commits != lane.commits:",
        "if True:",
        UNIT + "test_nobody_is_to_blame_while_the_database_commits_nothing",
    ),
    broken(
        "lanes: a spared start is counted",
        LANES,
        "        lane.spared += 1\n",
        "        lane.spared += 1\n        lane.is_counted = False\n",
        UNIT + "test_a_spared_start_is_not_counted_and_sparing_has_an_end",
    ),
    broken(
        "lanes: all suspects at once",
        LANES,
        "self._suspects.append(name)",
        "self._ready.append(name)",
        UNIT + "test_suspects_of_a_killed_process_are_started_one_at_a_time_beside_the_others",
    ),
    broken(
        "lanes: a suspect after one start",
        LANES,
        "SUSPECT_STARTS = 2\n",
        "SUSPECT_STARTS = 1\n",
        UNIT + "test_suspects_of_a_killed_process_are_started_one_at_a_time_beside_the_others",
    ),
    broken(
        "lanes: who has failed stays a suspect",
        LANES,
        "        self._trusted.add(row.id)\n        if for_good",
        "        if for_good",
        UNIT + "test_suspects_of_a_killed_process_are_started_one_at_a_time_beside_the_others",
    ),
    broken(
        "lanes: a suspect that has ended blocks the others",
        LANES,
        "        self._acquit(row)\n        del",
        "        del",
        UNIT + "test_suspects_of_a_killed_process_are_started_one_at_a_time_beside_the_others",
    ),
    broken(
        "lanes: a suspect that was not started blocks the others",
        LANES,
        "            if self._suspect == row.lane:\n                self._suspect = None\n            heapq",
        "            heapq",
        UNIT + "test_a_suspect_that_was_not_started_leaves_its_turn_to_the_next",
    ),
    broken(
        "lanes: who became ready last is first",
        LANES,
        "            self._ready.append(name)\n",
        "            self._ready.appendleft(name)\n",
        UNIT + "test_heads_are_handed_out_beside_each_other_up_to_the_limit_in_the_order_in_which_they_became_ready",
    ),
    broken(
        "lanes: a start without an outcome is handed back counted",
        LANES,
        "attempts=lane.head.attempts - lane.is_counted)",
        "attempts=lane.head.attempts)",
        UNIT + "test_a_head_that_the_claim_has_started_is_not_handed_out_again",
    ),
)
