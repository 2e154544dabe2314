"""The lock's SQL and the rules around it, on a real PostgreSQL, in every order Hypothesis can think of.

Three instances look, claim, renew, release, write and die; sessions end, the database drops everybody, the operator
breaks terms, the renew is broken and repaired; one kind of clock is wrong. Time is the test's own: the instances' clocks
are values, the database's moves by moving what its rows say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from supervisor.election import Claim
from tests.property.supervisor.lock.player import KEY, TIMING, Player

players = st.integers(0, 2)
periods = st.sampled_from([10.0, 80.0, 300.0, 600.0, 1100.0])
FAULTS = st.sampled_from(["kill", "cut", "restart", "restart unheard", "break", "break the one before"])
BROKEN_RENEW = """
CREATE OR REPLACE FUNCTION lock_renew(p_lock_key bigint, p_instance_id text, p_epoch bigint, p_lease_ms integer)
RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN {body} END $$
"""
RAISES = "RAISE EXCEPTION 'function f does not exist' USING ERRCODE = '42883';"
TERMS = """
SELECT epoch, instance_id FROM lock_events WHERE kind IN ('first', 'handover', 'takeover', 'reclaim') ORDER BY id
"""


class Contest(RuleBasedStateMachine):
    """Three players, one database, one hand on all clocks."""

    portal: BlockingPortal
    url: str

    def __init__(self) -> None:
        super().__init__()
        self._players = [Player(self.url, number) for number in range(3)]
        self._admin: Any = self._run(_admin, self.url)
        self._wrong_clock = "none"
        self._tokens: set[tuple[int, int]] = set()
        self._renew_source = self._run(self._admin.fetchval, "SELECT pg_get_functiondef('lock_renew'::regproc)")
        self._renews = True

    def _run(self, call: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        return self.portal.call(call, *arguments)

    @initialize(wrong=st.sampled_from(["none", "database's", "standby's"]))
    def begin(self, wrong: str) -> None:
        """One leads, the others watch; one kind of clock may be wrong, never both."""
        self._wrong_clock = wrong
        self._run(self._admin.execute, "TRUNCATE lock_heartbeat, lock_epoch, lock_events")
        self._look()
        self.claim(0)
        self._look()

    def _look(self) -> None:
        for player in self._players:
            self._run(player.look)

    @rule(seconds=periods, i=players)
    def stay_silent(self, seconds: float, i: int) -> None:
        """What makes most takeovers: the holder is heard of no more."""
        self.watch(seconds, i, claims=1)

    @rule(seconds=periods, i=players, claims=st.integers(0, 3))
    def watch(self, seconds: float, i: int, claims: int) -> None:
        """Time passes; every standby looks before and after, and mostly one claims what that calls for, or all do."""
        self._look()
        self._advance(seconds)
        self._look()
        for _ in range(claims):
            self.claim(i)

    @rule(i=players)
    def claim(self, i: int) -> None:
        """A standby claims what its last look called for, however long ago that was."""
        player = self._one(i, lambda player: player.decided)
        row = self._lease()
        if player is not None and (claim := self._run(player.claim)) is not None:
            self._won(player, row, claim)

    @rule(
        i=players,
        reason=st.sampled_from(["free", "self", "stale", "session_lost", "nonsense"]),
        epochs=st.integers(-1, 1),
        beats=st.integers(-1, 1),
    )
    def claim_wrongly(self, i: int, reason: str, epochs: int, beats: int) -> None:
        """A claim that names what was not seen begins a term only where nobody holds the lease."""
        player = self._one(i, lambda player: player.term is None)
        if player is None or epochs == beats == 0:
            return
        row = self._lease()
        if self._run(player.claim_wrongly, reason, epochs, beats):
            assert row is None or row["state"] != "held"
            self._won(player, row, Claim("free", 0, 0))

    def _one(self, i: int, wanted: Callable[[Player], object]) -> Player | None:
        """Return the i-th of the players that are wanted, so that few steps do nothing."""
        found = [player for player in self._players if wanted(player)]
        return found[i % len(found)] if found else None

    def _won(self, player: Player, before: Any, claim: Claim) -> None:
        term = player.term
        assert term is not None
        assert self._renews, "a build that cannot renew began a term"
        token = (term.timeline, term.epoch)
        assert token not in self._tokens
        self._tokens.add(token)
        event(f"a term by {claim.reason}")
        if claim.reason == "session_lost" or (before is not None and before["state"] == "broken"):
            return
        for other in self._players:
            replaced = other.term is not None and before is not None and other.term.epoch == before["epoch"]
            assert not (other is not player and other.working and replaced), "work of the replaced term is under way"

    @rule(i=players, heard=st.booleans())
    def beat(self, i: int, heard: bool) -> None:
        """A holder renews, and hears the answer at once or later."""
        player = self._one(i, leads)
        if player is not None and self._run(player.beat):
            player.was_broken = False
            if heard:
                player.hear()

    @rule(i=players)
    def hear(self, i: int) -> None:
        """A holder hears the answer."""
        player = self._one(i, lambda player: player.renewed_at is not None)
        if player is not None:
            player.hear()

    @rule(i=players)
    def release(self, i: int) -> None:
        """A holder ends its work and gives the lease back."""
        player = self._one(i, leads)
        if player is not None:
            self._run(player.give_back)

    @rule(i=players)
    def finish(self, i: int) -> None:
        """The work of an ended term ends."""
        player = self._one(i, lambda player: player.working and not leads(player))
        if player is not None:
            self._run(player.finish)

    @rule(
        i=players,
        what=FAULTS,
        seconds=periods,
        claims=st.integers(0, 3),
    )
    def fault(self, i: int, what: str, seconds: float, claims: int) -> None:
        """A process dies; a session ends and its owner hears of it; all do; the operator breaks a term. Then time passes."""
        if what == "kill":
            self._run((self._one(i, leads) or self._players[i]).die)
        elif what == "cut":
            self._cut(self._one(i, leads) or self._players[i])
        elif what.startswith("restart"):
            self._restart(unheard=what.endswith("unheard"))
        else:
            self._break(ago=1 if what.endswith("before") else 0)
        self.watch(seconds, i, claims)

    def _cut(self, player: Player) -> None:
        if player.session is not None:
            self._run(self._admin.fetchval, "SELECT pg_terminate_backend($1)", player.session.server_pid)
            self._run(player.lose)

    def _restart(self, *, unheard: bool) -> None:
        """Every session ends; a holder that is paused does not hear of it until it beats."""
        self._run(
            self._admin.execute,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        for player in self._players:
            if not (unheard and leads(player)):
                self._run(player.lose)

    def _break(self, *, ago: int) -> None:
        """Only the present term can be broken, by whoever names its epoch."""
        row = self._lease()
        if row is None:
            return
        broken = self._run(self._admin.fetchval, "SELECT lock_break($1, $2)", KEY, row["epoch"] - ago)
        assert broken is (ago == 0 and row["state"] == "held")
        for player in self._players:
            if broken and player.term is not None and player.term.epoch == row["epoch"]:
                player.was_broken = True

    def _advance(self, seconds: float) -> None:
        """Time passes, for everybody; whoever reaches the hard deadline is gone."""
        for player in self._players:
            player.now += seconds
        self._move_database(seconds)
        for player in self._players:
            if player.term is not None and player.working and player.now >= player.term.renewed_at + TIMING.hard:
                self._run(player.die)

    @rule(i=players, seconds=st.sampled_from([100.0, 2000.0]))
    def jump(self, i: int, seconds: float) -> None:
        """The clock that may be wrong jumps: the database's either way, a standby's ahead."""
        if self._wrong_clock == "database's":
            self._move_database(seconds if i else -seconds)
        elif self._wrong_clock == "standby's" and self._players[i].term is None:
            self._players[i].now += seconds
        self.watch(10.0, i, claims=1)

    def _move_database(self, seconds: float) -> None:
        self._run(
            self._admin.execute,
            "UPDATE lock_heartbeat SET expires_at = expires_at - make_interval(secs => $1), "
            "renewed_at = renewed_at - make_interval(secs => $1)",
            seconds,
        )

    @rule(i=players)
    def write(self, i: int) -> None:
        """A fenced transaction passes exactly while its token is the current one."""
        player = self._one(i, lambda player: player.term)
        if player is None:
            return
        term = player.term
        passed = self._run(player.write)
        if passed is not None and term is not None:
            assert passed is ((term.epoch, term.timeline) == self._token())

    @rule(i=players)
    def commit(self, i: int) -> None:
        """S1: what commits bears the token that is current at that moment."""
        player = self._one(i, lambda player: player.is_writing)
        token = None if player is None else self._run(player.commit)
        assert token in {None, self._token()}

    @rule(i=players, what=FAULTS, seconds=periods)
    def write_across_a_fault(self, i: int, what: str, seconds: float) -> None:
        """A write that was begun in one term and is committed when that may be over."""
        self.write(i)
        self.fault(i, what, seconds, claims=1)
        self.commit(i)

    @rule(i=players, seconds=periods)
    def hear_late(self, i: int, seconds: float) -> None:
        """A renew whose answer takes long, and a standby that is not idle meanwhile."""
        self.beat(i, heard=False)
        self.watch(seconds, i, claims=0)
        self.hear(i)
        self.watch(600.0, i, claims=1)

    @rule()
    def end_writers(self) -> None:
        """A claim that has waited for writers for too long ends them."""
        row = self._lease()
        if row is not None:
            self._run(self._admin.fetchval, "SELECT lock_end_writers($1, $2, $3)", KEY, row["epoch"], row["beat"])

    @rule(i=players, who=st.sampled_from(["nobody", "0-0", "1-0"]), epochs=st.integers(-1, 1))
    def renew_wrongly(self, i: int, who: str, epochs: int) -> None:
        """A renew by another instance or for another epoch changes nothing."""
        row = self._lease()
        if row is None or (who, epochs) == (row["instance_id"], 0):
            return
        renewed = self._run(self._admin.fetchval, "SELECT lock_renew($1, $2, $3, 1)", KEY, who, row["epoch"] + epochs)
        assert renewed is False
        assert self._lease() == row

    @rule(body=st.sampled_from([RAISES, "RETURN true;"]), seconds=periods, i=players)
    def break_and_repair_the_renew(self, body: str, seconds: float, i: int) -> None:
        """Nobody can begin a term meanwhile, not even where the renew says yes and does nothing."""
        self._renews = False
        self._run(self._admin.execute, BROKEN_RENEW.format(body=body))
        self.watch(seconds, i, claims=3)
        self._run(self._admin.execute, self._renew_source)
        self._renews = True

    @invariant()
    def one_believes(self) -> None:
        """S3: at most one passes check(); the holder of a term that an operator has just broken is the exception."""
        assert sum(player.believes and not player.was_broken for player in self._players) <= 1

    @invariant()
    def epochs_grow(self) -> None:
        """S2: every term has an epoch of its own, in order, without a gap, and the last one is the current."""
        terms = [row["epoch"] for row in self._run(self._admin.fetch, TERMS)]
        assert terms == list(range(1, len(terms) + 1))
        assert self._token()[0] == len(terms)

    def _lease(self) -> Any:
        return self._run(self._admin.fetchrow, "SELECT * FROM lock_heartbeat")

    def _token(self) -> tuple[int, int]:
        row = self._run(self._admin.fetchrow, "SELECT epoch, timeline FROM lock_epoch")
        return (0, 0) if row is None else (row["epoch"], row["timeline"])

    def teardown(self) -> None:
        """Leave the database as it was."""
        for player in self._players:
            self._run(player.die)
        self._run(self._admin.execute, self._renew_source)
        self._run(self._admin.close)


def leads(player: Player) -> bool:
    """Whether this player has a term that it does not know to be over."""
    return player.term is not None and player.term.ended is None


async def _admin(url: str) -> Any:
    return await asyncpg.connect(url, timeout=10, command_timeout=10)


@pytest.mark.timeout(240)
def test_one_leads_whatever_happens(database_url: str, portal: BlockingPortal) -> None:
    """S1, S2, S3, unique tokens, and nobody who cannot renew begins a term."""

    async def prepare() -> None:
        admin = await _admin(database_url)
        await admin.execute("CREATE TABLE written (epoch bigint, timeline bigint); SELECT lock_fence_table('written')")
        claim = await admin.fetchval(
            "SELECT max(oid::regprocedure::text) FROM pg_proc WHERE proname = 'lock_claim' AND pronargs = 7"
        )
        # A claim that waits for a writer waits as long as this test takes for a whole run otherwise.
        await admin.execute(f"ALTER FUNCTION {claim} SET lock_timeout = '20ms'")
        await admin.close()

    class Here(Contest):
        url = database_url

    Here.portal = portal
    portal.call(prepare)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
