"""The lock's protocol as a graph: two instances, one database, every order of events.

    FOLLOW ──claim──▶ CLAIM ──answer──▶ LEAD ──ended──▶ WORK ──work ended──▶ FOLLOW
                                          └──────────── release ───────────────▲

LEAD and WORK have work under way; `check` passes in LEAD, unless suspended. FOLLOW without a session is a dead, a
starting or a standing-back instance as well. Any step may be put off for ever, so a paused process needs no state of its
own: it takes no step, and only the kill timer insists. What a paused holder has not heard is a link that is UNNOTICED.

Time comes in ticks; D, H, L and g are 2, 3, 4 and 1 of them. Only differences matter, so a state holds no numbers of
epochs and beats, but whether a term is the latest one, and how many beats the disk has not got yet. So there is no bound
on terms, beats or faults. Two states that differ only in who is called 0 and who 1 are one.

Bounds: two instances, these ticks, UNSYNCED beats that a crash may lose, one renew and one claim on their way to the
database after their sender has given up. Either clock, a standby's or the database's, may say anything at any time, but
not both (`own_clock`, `database_clock`); a standby's comes without a crash that loses beats: two faults of two kinds.

Not covered: rates of clocks (tests/property/supervisor/test_election.py), the kernel's timer, TCP, poolers, snapshots,
the damper, that a claim proves its heartbeat (one transaction: tests/property/supervisor/lock), and that code does what
the model says. Writers, tokens and the fence have their own: tests/model/fencing.py.

Excluded, and by tests shown to matter: a session that ends on the server's side only, of which its living holder hears
later than g (`told_late`; so too if it is paused then and continued before D); an operator's break of a living term.

A standby that never saw the beacon held must wait for the lease: after a crash of the database every beacon is free,
while a paused or cut-off holder still trusts its term. A shorter wait is safe only where the database itself knows that
the beacon was held since the server's last start, crashes included (`beacon="vouched"`).
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.states import (
    BY_FREE,
    BY_SELF,
    BY_SESSION,
    BY_STALE,
    CLAIM,
    DARK,
    DONE,
    FOLLOW,
    FREE,
    FREED,
    GHOST,
    HEARS_SOON,
    IDLE,
    LEAD,
    LIT,
    NEVER,
    NO_LINK,
    OPEN,
    REASONS,
    SENT,
    UNNOTICED,
    UNSYNCED,
    WORK,
    Instance,
    Rules,
    State,
    ended,
    killed,
    let_go,
    mirrored,
    outdated,
    synced,
    without_beacon,
)

TWO_TRUSTED = "S3: two instances pass check()"
OVERLAP = "a term began while work of the one before it was under way"
KEPT = "a renew of a term that is over succeeded"
FAULTS = ("kill", "crash", "cut", "silence", "break")
Step = tuple[str, State, str | None]


class Protocol:
    """The graph under some rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def first(self) -> State:
        """Nobody has ever held the lease."""
        return State()

    def is_fault(self, action: str) -> bool:
        """Nobody may rely on kills, crashes and lost sessions to get further."""
        return action.startswith(FAULTS)

    def is_goal(self, state: State) -> bool:
        """Somebody leads and is trusted."""
        return any(one.mode == LEAD and not one.suspect for one in state.both)

    def steps(self, state: State) -> Iterator[Step]:
        """Everything that may happen next, and what is wrong with it."""
        for action, after, broken in self._all(state):
            if after != state or broken is not None:
                yield action, mirrored(after), broken or self._wrong(after)

    def _wrong(self, state: State) -> str | None:
        first, second = state.both
        return TWO_TRUSTED if self._passes(first) and self._passes(second) else None

    def _passes(self, one: Instance) -> bool:
        """Whether check() passes now, or will pass once the answer to a successful claim is heard."""
        if one.mode == CLAIM:
            return one.call[0] == DONE and (one.age < self._rules.soft or not self._rules.from_sending)
        return one.mode == LEAD and not (one.suspect and self._rules.suspect)

    def _all(self, state: State) -> Iterator[Step]:
        yield from self._time(state)
        yield from self._server(state)
        for i, one in enumerate(state.both):
            if one.mode == FOLLOW:
                yield from self._follow(state, i, one)
            elif one.mode == CLAIM:
                yield from self._claiming(state, i, one)
            elif one.mode == LEAD:
                yield from self._lead(state, i, one)
            else:
                yield from self._work(state, i, one)
            if one.mode != FOLLOW or state.holder == i or (state.late_claim and state.late_claim[0] == i):
                yield f"kill {i}", killed(state, i), None

    def _time(self, state: State) -> Iterator[Step]:
        rules, late = self._rules, False
        for i, one in enumerate(state.both):
            if one.mode in {LEAD, WORK} and one.age >= rules.hard and rules.deadlines:
                late = late or rules.kill_timer
                if rules.kill_timer:
                    yield f"timer kills {i}", killed(state, i), None
            late = late or one.link == HEARS_SOON
        if late:
            return
        after = state._replace(expires_in=max(0, state.expires_in - 1) if rules.database_clock else 0)
        for i, one in enumerate(state.both):
            older = self._older(one)
            after = after.having(i, older)
            if older.mode == LEAD and rules.deadlines and older.age >= rules.soft:
                after = ended(after, i)
        yield "tick", after, None

    def _older(self, one: Instance) -> Instance:
        rules = self._rules
        if one.mode == FOLLOW:
            since = min(rules.lease, one.since + 1) if one.seen != NEVER else 0
            glow = min(FREED + rules.grace, one.glow + 1) if one.glow >= FREED else one.glow
            return one._replace(since=since, glow=glow)
        if one.mode == LEAD and one.call:
            one = one._replace(call=(one.call[0], min(rules.soft, one.call[1] + 1)))
        if not rules.deadlines:
            return one
        return one._replace(age=min(one.age + 1, rules.soft if one.mode == CLAIM else rules.hard))

    def _follow(self, state: State, i: int, one: Instance) -> Iterator[Step]:
        if one.link == NO_LINK:
            yield f"connect {i}", state.having(i, one._replace(link=OPEN)), None
            return
        after = one._replace(link=NO_LINK) if not self._rules.observation_restarts else IDLE
        yield f"silence {i}", state.having(i, after), None
        if state.holder == FREE:
            yield from _send_claim(state, i, BY_FREE)
            return
        looked = self._looked(state, one)
        yield f"look {i}", state.having(i, looked), None
        if looked.seen != one.seen:
            return
        rules = self._rules
        if state.holder == i and rules.self_reclaim:
            yield from _send_claim(state, i, BY_SELF)
        if rules.stale and (looked.since >= rules.lease or not (rules.own_clock and rules.ask_own_clock)):
            yield from _send_claim(state, i, BY_STALE)
        if looked.glow >= FREED + rules.grace:
            yield from _send_claim(state, i, BY_SESSION)

    def _looked(self, state: State, one: Instance) -> Instance:
        rules, changed = self._rules, one.seen != state.unsynced
        known = one.glow != DARK or rules.beacon == "free" or (rules.beacon == "vouched" and state.vouched)
        if not state.beacon_free:
            glow = LIT
        elif not known:
            glow = DARK
        else:
            glow = FREED if changed or one.glow < FREED else one.glow
        if rules.beacon == "off":
            glow = DARK
        return one._replace(seen=state.unsynced, since=0 if changed else one.since, glow=glow)

    def _claiming(self, state: State, i: int, one: Instance) -> Iterator[Step]:
        outcome = one.call[0]
        yield f"silence {i}", let_go(state, i), None
        if outcome == SENT:
            _, reason, seen = one.call
            if self._grants(state, i, reason, seen):
                yield f"claim by {REASONS[reason]} {i} executed", *self._begun(state, i, reason)
            else:
                yield f"claim {i} refused", state.having(i, IDLE._replace(link=OPEN)), None
        else:
            yield from self._won(state, i, one)

    def _won(self, state: State, i: int, one: Instance) -> Iterator[Step]:
        if one.link == OPEN:
            yield f"cut {i}", self._cut(state, i, one), None
        if one.age < self._rules.soft or not self._rules.from_sending:
            age = one.age if self._rules.from_sending else 0
            yield f"answer {i}", state.having(i, Instance(LEAD, one.link, one.current, age)), None
        else:
            yield f"answer too late {i}", let_go(state, i), None

    def _grants(self, state: State, i: int, reason: int, seen: int) -> bool:
        rules = self._rules
        if state.holder == FREE:
            return True
        if reason == BY_FREE or (rules.compare_and_set and seen != state.unsynced):
            return False
        if reason == BY_SELF:
            return state.holder == i
        if reason == BY_STALE:
            return state.expires_in == 0 or not (rules.database_clock and rules.ask_database_clock)
        return state.beacon_free or not rules.beacon_guard

    def _begun(self, state: State, i: int, reason: int) -> tuple[State, str | None]:
        """A new term of instance `i`, and whether work of the one it replaces is under way where it must not be."""
        before = [one for one in state.both if one.current and one.mode in {LEAD, WORK}]
        broken = OVERLAP if before and (state.holder == FREE or reason != BY_SESSION) else None
        both = [outdated(one) for one in state.both]
        both[i] = Instance(CLAIM, OPEN, current=True, age=state.both[i].age, call=(DONE,))
        late = state.late_claim and (state.late_claim[0], BY_FREE, NEVER)
        vouched = self._rules.beacon == "vouched"
        begun = State(i, 0, True, False, vouched, self._expiry(), late_claim=late, both=(both[0], both[1]))
        if self._rules.beacon == "off":
            begun = begun._replace(live_beacon=False)
        return begun, broken

    def _expiry(self) -> int:
        return self._rules.lease if self._rules.database_clock else 0

    def _lead(self, state: State, i: int, one: Instance) -> Iterator[Step]:
        rules, holds = self._rules, one.current and state.holder == i
        yield f"ended {i}", ended(state, i), None
        if one.link == NO_LINK:
            yield f"connect {i}", state.having(i, one._replace(link=OPEN)), None
            return
        if one.link != OPEN:
            yield f"hears {i}", state.having(i, one._replace(link=NO_LINK, suspect=True, call=())), None
        else:
            gone = let_go(state, i)
            yield f"silence {i}", gone.having(i, one._replace(link=NO_LINK, suspect=True, call=())), None
            yield f"cut {i}", self._cut(state, i, one), None
            if holds and not one.call:
                yield f"release {i}", self._released(state, i), None
            if holds and state.beacon_free and not one.call and rules.beacon != "off":
                yield from self._show(state, i, one)
        yield from self._renew(state, i, one, holds)

    def _show(self, state: State, i: int, one: Instance) -> Iterator[Step]:
        """The holder takes its beacon on a new session."""
        rules = self._rules
        after = state.having(i, one._replace(suspect=one.suspect and rules.renew_before_trust))
        after = after._replace(live_beacon=True, vouched=rules.beacon == "vouched")
        if not rules.beacon_beats:
            yield f"beacon {i}", after, None
        elif state.unsynced < UNSYNCED or not rules.losing_beats:
            shown = after._replace(unsynced=state.unsynced + 1)
            yield f"beacon {i}", shown if rules.losing_beats else synced(shown), None

    def _cut(self, state: State, i: int, one: Instance) -> State:
        """The server has ended the session; the instance hears of it within g."""
        cut = one._replace(link=UNNOTICED if self._rules.told_late else HEARS_SOON)
        lit = state.live_beacon and not (one.current and state.holder == i)
        return state.having(i, cut)._replace(live_beacon=lit)

    def _renew(self, state: State, i: int, one: Instance, holds: bool) -> Iterator[Step]:
        rules = self._rules
        if not one.call:
            yield f"renew {i}", state.having(i, one._replace(call=(SENT, 0))), None
            return
        outcome, ago = one.call
        if outcome == SENT and one.link == OPEN:
            if not holds and (rules.renew_scoped or state.holder == FREE):
                yield f"renew {i} refused", ended(state, i), None
            elif state.unsynced < UNSYNCED or not rules.beats_count:
                beaten = self._beaten(state.having(i, one._replace(call=(DONE, ago))))
                yield f"renew {i} executed", beaten, None if holds else KEPT
        elif outcome == DONE:
            lit = (state.live_beacon and holds) or not rules.beacon_before_trust
            suspect = one.suspect and not (lit and one.link == OPEN)
            age = min(one.age, ago) if rules.from_sending else 0
            yield f"answer {i}", state.having(i, one._replace(call=(), age=age, suspect=suspect)), None

    def _beaten(self, state: State) -> State:
        if self._rules.beats_count:
            state = state._replace(unsynced=state.unsynced + 1)
        state = state._replace(expires_in=self._expiry())
        return state if self._rules.losing_beats else synced(state)

    def _released(self, state: State, i: int) -> State:
        one = state.both[i]
        after = IDLE if self._rules.release_last else Instance(WORK, current=True, age=one.age)
        other = state.both[1 - i]
        return without_beacon(state)._replace(holder=FREE).having(i, after).having(1 - i, outdated(other, one.current))

    def _work(self, state: State, i: int, one: Instance) -> Iterator[Step]:
        yield f"work ends {i}", state.having(i, IDLE), None
        if not self._rules.quiesce_first and state.holder == i:
            yield f"claim by self {i} executed", *self._begun(state, i, BY_SELF)

    def _server(self, state: State) -> Iterator[Step]:
        if state.unsynced:
            yield "disk", synced(state), None
        if state.lingering:
            yield "old session gone", state._replace(lingering=False), None
        if state.late_renew and (state.unsynced < UNSYNCED or not self._rules.beats_count):
            yield "late renew executed", self._beaten(state)._replace(late_renew=False), None
        if state.late_claim:
            yield "late claim lost", state._replace(late_claim=()), None
            who, reason, seen = state.late_claim
            if self._grants(state, who, reason, seen):
                yield "late claim executed", *self._begun_late(state, who, reason)
        if self._rules.breaking and state.holder != FREE:
            yield "break", without_beacon(state)._replace(holder=FREE), None
        yield "crash", self._crashed(state), None

    def _begun_late(self, state: State, who: int, reason: int) -> tuple[State, str | None]:
        begun, broken = self._begun(state._replace(late_claim=()), who % GHOST, reason)
        both = tuple(outdated(one) for one in state.both)
        lit = begun.live_beacon
        return begun._replace(holder=who, live_beacon=False, lingering=lit, both=(both[0], both[1])), broken

    def _crashed(self, state: State) -> State:
        """The server starts anew: every session is gone, unsynced beats are lost; holders hear of it when they do."""
        both = list(state.both)
        for i, one in enumerate(both):
            if (one.mode == LEAD and one.link in {OPEN, HEARS_SOON}) or (one.mode == CLAIM and one.call[0] == DONE):
                both[i] = one._replace(link=UNNOTICED)
            elif one.mode == CLAIM:
                both[i] = IDLE
            elif one.mode == FOLLOW:
                both[i] = IDLE if self._rules.observation_restarts else one._replace(link=NO_LINK)
        return State(state.holder, expires_in=state.expires_in, both=(both[0], both[1]))


def _send_claim(state: State, i: int, reason: int) -> Iterator[Step]:
    sent = Instance(CLAIM, OPEN, call=(SENT, reason, state.both[i].seen if reason != BY_FREE else NEVER))
    yield f"claim by {REASONS[reason]} {i}", state.having(i, sent), None
