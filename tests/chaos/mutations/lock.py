"""The rules of the lock, each broken in one place, and the smallest part of the tests that must notice."""

from __future__ import annotations

from tests.chaos.mutations.mutant import Edit, Mutant

LOCK = "tests/integration/supervisor/lock/"
UNIT = "tests/unit/supervisor/"
CHAOS = "tests/chaos/"
TERM, LEADING, CONTENDER = "supervisor/term.py", "supervisor/leading.py", "supervisor/contender.py"
ELECTION, LEASE, TIMING = "supervisor/election.py", "supervisor/lease.py", "supervisor/timing.py"
POOLER = "supervisor/pooler.py"
FIRST, FIFTH = "migrations/0001_pre_lock.sql", "migrations/0005_pre_leadership.sql"
FENCE_LOCK = "    PERFORM pg_advisory_xact_lock_shared(lock_fence_key(p_lock_key));\n"
TOKEN = "PERFORM FROM lock_epoch WHERE lock_key = p_lock_key AND epoch = p_epoch AND timeline = p_timeline;"

MUTANTS = (
    Mutant(
        "no soft deadline",
        (Edit(TERM, "self._clock() >= self._sent_at + self._window", "False"),),
        (CHAOS + "test_incident.py::test_a_renew_with_a_wrong_signature_ends_the_term_and_starts_no_loop",),
    ),
    Mutant(
        "no hard deadline",
        (
            Edit(LEADING, "self._who.guard.arm(sent_at + self._timing.hard)", "self._who.guard.disarm()"),
            Edit(CONTENDER, "self._who.guard.arm(sent_at + self._timing.hard)", "self._who.guard.disarm()"),
        ),
        (CHAOS + "test_freezes.py::test_a_long_freeze_ends_the_process_while_it_is_stopped",),
    ),
    Mutant(
        "hard deadline counted from the reply",
        (
            Edit(
                LEADING,
                "self._who.guard.arm(sent_at + self._timing.hard)",
                "self._who.guard.arm(boottime() + self._timing.hard)",
            ),
        ),
        (LOCK + "test_guard.py",),
    ),
    Mutant(
        "renew: deadline counted from the reply",
        (Edit(LEADING, "self._note(renewed, sent_at, boottime() - sent_at)", "self._note(renewed, boottime(), 0.0)"),),
        (LOCK + "test_keeper.py::test_trust_counts_from_before_a_renew_was_sent_however_late_it_is_answered",),
    ),
    Mutant(
        "claim: deadline counted from the reply",
        (Edit(CONTENDER, "term = self._term(won, sent_at)", "term = self._term(won, boottime())"),),
        (LOCK + "test_keeper.py::test_trust_counts_from_before_a_renew_was_sent_however_late_it_is_answered",),
    ),
    Mutant(
        "R5: our own clock is not asked",
        (
            Edit(
                ELECTION,
                "max(observation.since + patience.lease + extra, now + seen.expires_in)",
                "now + seen.expires_in",
            ),
        ),
        (CHAOS + "test_database.py::test_a_database_clock_that_jumps_causes_no_takeover",),
    ),
    Mutant(
        "R5: the database's clock is not asked",
        (
            Edit(
                ELECTION,
                "max(observation.since + patience.lease + extra, now + seen.expires_in)",
                "observation.since + patience.lease",
            ),
        ),
        (UNIT + "test_election.py",),
    ),
    Mutant(
        "R6: what was seen outlives the session",
        (
            Edit(
                CONTENDER,
                "seen: Observation | None = None\n",
                'seen: Observation | None = self.__dict__.get("_kept")\n',
            ),
            Edit(
                CONTENDER,
                "seen = observe(seen, sighting, now)\n",
                'seen = self.__dict__["_kept"] = observe(seen, sighting, now)\n',
            ),
        ),
        (CHAOS + "test_database.py::test_a_crash_that_loses_beats_lets_nobody_claim_early",),
    ),
    Mutant(
        "R7: a free beacon counts though never seen held",
        (
            Edit(
                ELECTION,
                "return Observation(sighting, now, sighting.beacon_free is False)",
                "return Observation(sighting, now, True)",
            ),
        ),
        (CHAOS + "test_database.py::test_a_restart_while_the_active_is_cut_off_hints_at_nothing",),
    ),
    Mutant(
        "R8: a lost session suspends nothing",
        (Edit(LEADING, "        self._term.suspend()\n", ""),),
        (CHAOS + "test_network.py::test_renews_that_arrive_and_are_never_answered_buy_no_time",),
    ),
    Mutant(
        "R8: a new session takes no beacon",
        (
            Edit(
                LEADING,
                "shown = await session.show(self._term.epoch, self._former, within=self._allowed())",
                "shown = True",
            ),
        ),
        (CHAOS + "test_database.py::test_cut_sessions_cost_no_term",),
    ),
    Mutant(
        "R9: no self-reclaim",
        (Edit(ELECTION, "if seen.holder == instance_id:", "if False:"),),
        (
            CHAOS
            + "test_database.py::test_an_outage_longer_than_the_soft_deadline_ends_the_term_and_one_comes_back_at_once",
        ),
    ),
    Mutant(
        "R10: a claim proves no heartbeat",
        (Edit(FIFTH, "RAISE EXCEPTION 'claim refused: lock_renew does not renew' USING ERRCODE = 'VG004';", "NULL;"),),
        (CHAOS + "test_deploys.py::test_a_new_build_that_cannot_renew_never_claims",),
    ),
    Mutant(
        "R11: a broken schema is contended for",
        (Edit(LEASE, "by_class.get(state[:2])", "None"),),
        (LOCK + "test_broken_database.py",),
    ),
    Mutant(
        "R12: the timeline is not compared",
        (Edit(FIFTH, TOKEN, TOKEN.replace(" AND timeline = p_timeline", "")),),
        (LOCK + "test_timeline.py",),
    ),
    Mutant(
        "R13: a session of unknown outcome is kept",
        (Edit(LEADING, "        if not keep:\n            self._suspend()\n            self._drop()\n", ""),),
        (CHAOS + "test_database.py::test_restarts_cost_no_term",),
    ),
    Mutant(
        "R14: a stalled main loop is renewed for",
        (Edit(CONTENDER, "return boottime() - self.last_tick() > self.tick_limit", "return False"),),
        (LOCK + "test_keeper.py::test_a_stalled_main_loop_gets_no_renew_and_loses_the_term",),
    ),
    Mutant(
        "H >= L is accepted",
        (Edit(TIMING, "(dead_by < claimed_from, gone),", "(True, gone),"),),
        (UNIT + "test_timing.py",),
    ),
    Mutant(
        "the fence takes no lock",
        (Edit(FIFTH, FENCE_LOCK, ""), Edit(FIRST, FENCE_LOCK, "")),
        (LOCK + "test_fence.py",),
    ),
    Mutant(
        "the fence locks and reads in one statement",
        (
            Edit(FIFTH, FENCE_LOCK, ""),
            Edit(
                FIFTH,
                TOKEN,
                "PERFORM FROM lock_epoch, pg_advisory_xact_lock_shared(lock_fence_key(p_lock_key))\n"
                "      WHERE lock_key = p_lock_key AND epoch = p_epoch AND timeline = p_timeline;",
            ),
        ),
        (LOCK + "test_fence.py",),
    ),
    Mutant(
        "the epoch is deleted on release",
        (
            Edit(
                FIRST,
                "    PERFORM pg_notify('vigil_lock', 'released ' || p_epoch);\n",
                "    DELETE FROM lock_epoch WHERE lock_key = p_lock_key;\n    PERFORM pg_notify('vigil_lock', 'released ' || p_epoch);\n",
            ),
        ),
        (LOCK + "test_functions.py", CHAOS + "test_deploys.py::test_a_drained_active_is_followed_at_once"),
    ),
    Mutant(
        "renew is not scoped to the epoch",
        (
            Edit(
                FIRST,
                "instance_id = p_instance_id AND epoch = p_epoch AND state = 'held';\n    RETURN FOUND;",
                "instance_id = p_instance_id AND state = 'held';\n    RETURN FOUND;",
            ),
        ),
        (LOCK + "test_functions.py",),
    ),
    Mutant(
        "a claim needs not what was seen",
        (
            Edit(
                FIFTH,
                "IF (lease.epoch, lease.beat) IS DISTINCT FROM (p_seen_epoch, p_seen_beat) THEN RETURN; END IF;",
                "",
            ),
        ),
        (LOCK + "test_functions.py",),
    ),
    Mutant(
        "a claim does not wait for the disk",
        (
            Edit(
                FIFTH,
                "    PERFORM set_config('synchronous_commit', 'on', true);\n    PERFORM pg_notify('vigil_lock', 'claimed ' || won_epoch);",
                "    PERFORM pg_notify('vigil_lock', 'claimed ' || won_epoch);",
            ),
        ),
        (LOCK + "test_functions.py",),
    ),
    Mutant(
        "a claim never ends the writers it waited for",
        (Edit(CONTENDER, "(ended := await lease.end_writers(claim)) > 0", "(ended := 0) > 0"),),
        (CHAOS + "test_freezes.py::test_a_writer_frozen_in_a_fenced_transaction_is_ended_and_no_other",),
    ),
    Mutant(
        "released before the work has ended",
        (
            Edit(
                LEADING,
                "                if self._desk.idle:\n                    return True",
                "                return True",
            ),
        ),
        (LOCK + "test_keeper.py::test_nothing_is_released_before_the_work_has_ended",),
    ),
    Mutant(
        "a pooler is taken for a direct connection",
        (
            Edit(
                POOLER,
                "return bool(await probe.fetchval() == connection.get_server_pid())",
                "return True",
            ),
        ),
        ("tests/integration/supervisor/test_pooler.py::test_a_pooler_is_found_out_whatever_it_lets_pass",),
    ),
    Mutant(
        "no notification is heard",
        (Edit(LEASE, "await connection.add_listener(CHANNEL, lambda *told: hear(told[-1]))", "pass"),),
        (LOCK + "test_keeper.py::test_a_release_makes_the_other_active_at_once",),
    ),
)
