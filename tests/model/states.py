"""What the model of the lock's protocol consists of: its rules, the instances, the database, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

FOLLOW, CLAIM, LEAD, WORK = range(4)
NO_LINK, OPEN, UNNOTICED, HEARS_SOON = range(4)
SENT, DONE = range(2)
BY_FREE, BY_SELF, BY_STALE, BY_SESSION = range(4)
REASONS = ("free", "self", "stale", "session lost")
FREE, GHOST = -1, 2
"""Holders beside the instances 0 and 1: nobody, and one whose process is gone."""
NEVER = -1
"""A beat that was not seen, or that cannot come again."""
DARK, LIT, FREED = 0, 1, 2
UNSYNCED = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """The protocol's rules and times; a mutant changes one of them. Times are ticks."""

    soft: int = 2
    hard: int = 3
    lease: int = 4
    grace: int = 1
    deadlines: bool = True
    """A term ends by itself at D, and its process at H."""
    from_sending: bool = True
    """Deadlines count from before the renew was sent (R2)."""
    kill_timer: bool = True
    observation_restarts: bool = True
    """What was seen is forgotten with the session (R6)."""
    beacon: Literal["seen", "free", "vouched", "off"] = "seen"
    """When a free beacon counts: seen held by the same session (R7); always; also when this life of the server knows
    that it was held; never."""
    beacon_guard: bool = True
    """The database refuses `session lost` while the beacon is held."""
    suspect: bool = True
    """No effect starts while the session is lost (R8)."""
    beacon_before_trust: bool = True
    """A suspended term goes on only once its beacon was taken."""
    beacon_beats: bool = True
    """Taking the beacon counts as a beat: a claim that is under way finds the lease not as seen."""
    renew_before_trust: bool = False
    """A suspended term goes on only after a renew that was sent after the beacon was taken."""
    quiesce_first: bool = True
    """Nothing is claimed while work of this process is under way (R9)."""
    release_last: bool = True
    """Nothing is released while work of this process is under way."""
    renew_scoped: bool = True
    """A renew matches exactly this holder and epoch (R1)."""
    compare_and_set: bool = True
    """A claim is refused when the lease is not as seen."""
    beats_count: bool = True
    """Every renew looks different from the one before."""
    ask_own_clock: bool = True
    ask_database_clock: bool = True
    """A lease is stale only by both clocks (R5)."""
    own_clock: bool = True
    database_clock: bool = False
    """Whether the clocks of standbys, and of the database, tell the truth; otherwise they say anything at any time."""
    losing_beats: bool = True
    """A crash of the database loses the last beats."""
    self_reclaim: bool = True
    stale: bool = True
    told_late: bool = False
    """A holder may hear arbitrarily late that the server has ended its session."""
    breaking: bool = False
    """The operator breaks living terms."""


class Instance(NamedTuple):
    """One process. `age`: ticks since its last acknowledged renew, or its claim, was sent.

    `call` is a renew (outcome, ticks since sent) or a claim (outcome, reason, beat seen). `current`: its term is the
    latest one. `seen` and `since`: the beat it saw last, and for how many ticks. `glow`: the beacon of the latest epoch,
    as its connection saw it: DARK, LIT, or FREED + ticks.
    """

    mode: int = FOLLOW
    link: int = NO_LINK
    current: bool = False
    age: int = 0
    suspect: bool = False
    call: tuple[int, ...] = ()
    seen: int = NEVER
    since: int = 0
    glow: int = DARK


IDLE = Instance()


class State(NamedTuple):
    """The database, what is still on its way to it, and both instances.

    Beats count from the last one on disk, which is 0; there are `unsynced` newer ones. `live_beacon`: the holder's
    session has the beacon, `lingering`: one that nobody uses any more has it, `vouched`: it was held in this life of the
    server. `late_claim` is (who, reason, beat seen).
    """

    holder: int = FREE
    unsynced: int = 0
    live_beacon: bool = False
    lingering: bool = False
    vouched: bool = False
    expires_in: int = 0
    late_renew: bool = False
    late_claim: tuple[int, ...] = ()
    both: tuple[Instance, Instance] = (IDLE, IDLE)

    def having(self, i: int, one: Instance) -> State:
        """Return this state with another instance `i`."""
        return self._replace(both=(one, self.both[1]) if i == 0 else (self.both[0], one))

    @property
    def beacon_free(self) -> bool:
        """What a probe of the beacon says."""
        return not (self.live_beacon or self.lingering)


def mirrored(state: State) -> State:
    """Return the one of two states that differ only in who is called 0 and who 1."""
    first, second = state.both
    if first <= second:
        return state
    holder = 1 - state.holder if state.holder in {0, 1} else state.holder
    late = state.late_claim
    if late and late[0] != GHOST:
        late = (1 - late[0], *late[1:])
    return state._replace(holder=holder, late_claim=late, both=(second, first))


def synced(state: State) -> State:
    """Return this state with every beat on disk: what was seen of older ones cannot come again."""
    by = state.unsynced
    if by == 0:
        return state
    late = state.late_claim
    if late:
        late = (late[0], *_aged(late[1], late[2], by))
    first, second = state.both
    return state._replace(unsynced=0, late_claim=late, both=(_shifted(first, by), _shifted(second, by)))


def _shifted(one: Instance, by: int) -> Instance:
    if one.mode == CLAIM and one.call[0] == SENT:
        return one._replace(call=(SENT, *_aged(one.call[1], one.call[2], by)))
    return one if one.seen == NEVER else one._replace(seen=_older(one.seen, by))


def _aged(reason: int, beat: int, by: int) -> tuple[int, int]:
    """A claim whose beat cannot come again is granted only to a free lease, whatever its reason."""
    beat = _older(beat, by)
    return (BY_FREE if beat == NEVER else reason), beat


def _older(beat: int, by: int) -> int:
    return beat - by if beat >= by else NEVER


def let_go(state: State, i: int) -> State:
    """Instance `i` drops its session: what it has sent may still arrive, and the server may not notice yet."""
    one = state.both[i]
    if one.mode == CLAIM and one.call[0] == SENT:
        if not state.late_claim:
            state = state._replace(late_claim=(i, *one.call[1:]))
    elif one.current and state.holder == i:
        late = state.late_renew or (one.mode == LEAD and one.link == OPEN and bool(one.call) and one.call[0] == SENT)
        lingering = state.lingering or state.live_beacon
        state = state._replace(live_beacon=False, lingering=lingering, late_renew=late)
    return state.having(i, IDLE)


def ended(state: State, i: int) -> State:
    """The term of instance `i` is over; its work is not, yet."""
    one = state.both[i]
    return let_go(state, i).having(i, Instance(WORK, current=True, age=one.age) if one.current else IDLE)


def killed(state: State, i: int) -> State:
    """The process of instance `i` is gone; another one may start in its place, with an identity of its own."""
    state = let_go(state, i)
    late = state.late_claim
    if late and late[0] == i:
        late = (GHOST, *late[1:])
    return state._replace(holder=GHOST if state.holder == i else state.holder, late_claim=late)


def without_beacon(state: State) -> State:
    """Nobody holds the lease, durably: its beacon and its beats mean nothing any more."""
    return synced(state)._replace(live_beacon=False, lingering=False, vouched=False, expires_in=0, late_renew=False)


def outdated(one: Instance, current: bool = False) -> Instance:
    """Return this instance once a new term has begun, or the lease was freed."""
    if one.mode == FOLLOW:
        return one._replace(seen=NEVER, since=0, glow=DARK)
    if one.mode == CLAIM and one.call[0] == SENT:
        return one._replace(call=(SENT, BY_FREE, NEVER))
    if one.mode == WORK and not current:
        return IDLE
    return one._replace(current=current and one.current)
