"""A term: trusted for so long after the last acknowledged renew was sent, and never again once it has ended."""

from __future__ import annotations

import anyio
import pytest

from supervisor.term import Term, TrustLost, fence_key, lock_key_for


class Clock:
    """A clock that stands where the test puts it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Made:
    """A term of 7 seconds that began at 100, its clock, and how often its end was told."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told = 0
        self.term = Term(3, "a", window=7.0, sent_at=100.0, clock=self.clock, on_end=self._tell)

    def _tell(self) -> None:
        self.told += 1


@pytest.fixture
def made() -> Made:
    """A fresh term."""
    return Made()


def test_a_term_is_trusted_up_to_its_soft_deadline(made: Made) -> None:
    """The last instant before it passes, the deadline itself does not."""
    made.clock.now = 106.999
    made.term.check()
    assert made.term.remaining() == pytest.approx(0.001)
    made.clock.now = 107.0
    with pytest.raises(TrustLost) as lost:
        made.term.check()
    assert (lost.value.epoch, lost.value.reason) == (3, "soft_deadline")
    assert made.term.remaining() == 0.0


def test_the_deadline_counts_from_the_sending_not_from_the_answer(made: Made) -> None:
    """A renew sent at 102 and answered at 106 is trusted until 109: a slow answer buys no time."""
    made.clock.now = 106.0
    assert made.term.extend(102.0) is True
    made.clock.now = 109.0
    with pytest.raises(TrustLost):
        made.term.check()


def test_an_older_answer_takes_no_time_away(made: Made) -> None:
    """Answers may come in any order."""
    made.clock.now = 104.0
    made.term.extend(104.0)
    made.term.extend(101.0)
    made.clock.now = 110.9
    made.term.check()


def test_an_answer_after_the_deadline_revives_nothing(made: Made) -> None:
    """Somebody may have been refused in between."""
    made.clock.now = 107.5
    assert made.term.extend(106.9) is False
    with pytest.raises(TrustLost):
        made.term.check()


def test_what_was_refused_once_is_never_allowed_again(made: Made) -> None:
    """Even if the clock went back, which it does not."""
    made.clock.now = 107.0
    with pytest.raises(TrustLost):
        made.term.check()
    made.clock.now = 101.0
    with pytest.raises(TrustLost):
        made.term.check()


def test_an_ended_term_is_refused_at_once_with_the_first_reason(made: Made) -> None:
    """Being fenced ends a term long before its deadline."""
    made.term.end("fenced")
    made.term.end("drain")
    assert made.term.ended == "fenced"
    assert made.term.extend(101.0) is False
    with pytest.raises(TrustLost, match="fenced"):
        made.term.check()
    assert made.told == 1


def test_the_end_is_told_by_whoever_looks_past_the_deadline(made: Made) -> None:
    """The waiters need not be the ones who find out."""
    made.clock.now = 200.0
    assert made.term.ended == "soft_deadline"
    assert made.term.ended == "soft_deadline"
    assert made.told == 1


def test_a_term_that_runs_out_says_what_was_the_matter(made: Made) -> None:
    """A doubt is the reason if nothing dispels it; an acknowledged renew does."""
    made.term.doubt = "stalled"
    made.term.extend(101.0)
    assert made.term.doubt == "soft_deadline"
    made.term.doubt = "stalled"
    made.clock.now = 200.0
    assert made.term.ended == "stalled"


@pytest.mark.parametrize(
    ("bot_id", "key"),
    [(1, -8562988507380030914), (123456789, 2632841326586197262), (7654321098, 4070349608833208613)],
)
def test_lock_keys_never_change(bot_id: int, key: int) -> None:
    """Another key would be another lock: two builds would lead side by side."""
    assert lock_key_for(bot_id) == key


@pytest.mark.parametrize(
    ("lock_key", "key"),
    [
        (0, 262618489814382944),
        (42, -3341401178075831690),
        (-42, 2607179061792625579),
        (2**63 - 1, -4419275376904672207),
        (-(2**63), -8046827552167084837),
    ],
)
def test_fence_keys_never_change(lock_key: int, key: int) -> None:
    """Another key would be another fence: a claim would not wait for the writers of an older build."""
    assert fence_key(lock_key) == key


async def test_a_suspended_term_starts_nothing_and_ends_nothing(made: Made) -> None:
    """While the control session is lost: refused, though the term goes on; then allowed again."""
    made.term.suspend()
    assert (made.term.ended, made.term.trustworthy, made.term.suspended) == (None, False, True)
    with pytest.raises(TrustLost, match="suspended"):
        made.term.check()
    made.term.check_not_ended()
    made.term.resume()
    made.term.check()
    await made.term.trusted()
    assert made.told == 0


async def test_waiting_for_trust_ends_with_the_term(made: Made) -> None:
    """A suspension that lasts past the soft deadline is answered with the end, not with silence."""
    made.term.suspend()
    made.clock.now = 107.0
    with anyio.fail_after(5), pytest.raises(TrustLost, match="soft_deadline"):
        await made.term.trusted()


async def test_waiting_for_trust_goes_on_when_the_session_is_back(made: Made) -> None:
    """What waited starts its effect as soon as it may."""
    made.term.suspend()
    passed = anyio.Event()

    async def wait() -> None:
        await made.term.trusted()
        passed.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert not passed.is_set()
            made.term.resume()
    assert passed.is_set()


def test_a_resumed_term_that_has_ended_stays_ended(made: Made) -> None:
    """A session that comes back too late brings nothing back."""
    made.term.suspend()
    made.term.end("fenced")
    made.term.resume()
    with pytest.raises(TrustLost, match="fenced"):
        made.term.check()


def test_what_older_terms_had_begun_is_left_alone_for_a_while() -> None:
    """Counted down on the term's own clock, and never below zero."""
    clock = Clock()
    term = Term(3, "a", window=7.0, sent_at=100.0, quarantined_until=110.0, clock=clock)
    assert term.quarantine() == 10.0
    clock.now = 111.0
    assert term.quarantine() == 0.0
