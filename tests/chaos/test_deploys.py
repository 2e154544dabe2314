"""Planned ends and births: a gap of milliseconds, one release, no storm. Rows 2-6 and 28 of the matrix.

Elsewhere: row 4 with real webhooks and row 6 with signals are tests/process/app/test_lifecycle.py; row 29, a
notification that nobody hears, is tests/integration/supervisor/lock/test_keeper.py.
"""

from __future__ import annotations

import time

from supervisor.timing import PROFILES
from tests.chaos.arena import last
from tests.chaos.fleet import Fleet
from tests.process.app.fleet import until

FAST = PROFILES["fast"]
AT_ONCE = 1.0
"""Far less than the lease, on a machine that does much else; bench/leadership.py measures the real figures."""
BROKEN = """
CREATE SCHEMA broken;
CREATE FUNCTION broken.lock_renew(bigint, text, bigint, integer) RETURNS boolean LANGUAGE sql AS 'SELECT true';
"""


def test_a_drained_active_is_followed_at_once(fleet: Fleet) -> None:
    """Row 4, the lock's part: SIGTERM amid effects and writes, exit 0, and the next effect is another's at once."""
    first, *_ = fleet.trio()
    first.terminate()
    fleet.wait_active(beyond=1)
    assert first.wait() == 0
    assert fleet.began(2) - fleet.ended(1) < AT_ONCE
    assert fleet.events() == ["1 first free", "1 release planned", "2 handover free"]


def test_a_drain_that_hangs_is_renewed_until_the_work_is_dead(fleet: Fleet) -> None:
    """Row 5: nothing is released while an effect may still happen, however long that takes; then it is, once."""
    first, *_ = fleet.trio()
    first.say("hang", "on")
    first.terminate()
    until(lambda: first.view()[0] == "DRAINING", fleet.story)
    fleet.keeps(1, FAST.lease + 1)
    first.say("hang", "off")
    fleet.wait_active(beyond=1)
    assert first.wait() == 0
    assert fleet.events()[1:] == ["1 release planned", "2 handover free"]


def test_a_sigterm_during_the_claim_gives_back_what_it_wins(fleet: Fleet) -> None:
    """Row 6: a claim that is on its way when the signal comes is released again, once, and the exit code is 0."""
    (first,) = fleet.start("a")
    fleet.wait_active()
    first.terminate()
    assert first.wait() == 0
    with fleet.arena.locking(fleet.url, "SELECT FROM lock_heartbeat FOR UPDATE"):
        (second,) = fleet.start("b")
        until(lambda: second.view()[0] == "CLAIMING", fleet.story)
        second.terminate()
        last(0.2)
    assert second.wait() == 0
    assert fleet.ask("SELECT state FROM lock_heartbeat")[0]["state"] == "free"
    assert [line for line in fleet.events() if line.startswith("2")] == ["2 handover free", "2 release planned"]


def test_a_new_build_that_cannot_renew_never_claims(fleet: Fleet) -> None:
    """Row 2: its heartbeat says yes and does nothing; the old leader is untouched, and even a free lease is left."""
    (old,) = fleet.start("old")
    fleet.wait_active()
    fleet.ask(BROKEN)
    (new,) = fleet.start("new", search_path="broken,public")
    until(lambda: new.view()[0] == "PASSIVE", fleet.story)
    old.terminate()
    assert old.wait() == 0
    until(lambda: new.view()[1] == "heartbeat", fleet.story)
    fleet.keeps(1, 2 * FAST.watch)
    assert new.alive
    fleet.start("good")
    fleet.wait_active(beyond=1)
    assert new.stamps() == []


def test_of_five_standbys_one_notification_makes_one_active(fleet: Fleet) -> None:
    """Row 28: everyone wakes, everyone may ask, one wins; nobody asks twice."""
    (first,) = fleet.start("a")
    fleet.wait_active()
    fleet.start("b", "c", "d", "e", "f")
    # A session reports its calls up to a second late: the first claim must not be counted as one of the wake-up's.
    until(lambda: claims(fleet) > 0, fleet.story)
    before = claims(fleet)
    first.terminate()
    fleet.wait_active(beyond=1)
    assert first.wait() == 0
    asked = time.monotonic()
    until(lambda: time.monotonic() - asked > 2 * FAST.watch, fleet.story)
    assert fleet.epoch() == 2
    assert 1 <= claims(fleet) - before <= 5


def claims(fleet: Fleet) -> int:
    """Return how often a claim has been asked for."""
    query = "SELECT coalesce(sum(calls), 0)::int AS calls FROM pg_stat_user_functions WHERE funcname = 'lock_claim'"
    return int(fleet.ask(query)[0]["calls"])


def test_a_handed_over_term_goes_to_a_standby(fleet: Fleet) -> None:
    """`vigil handover`: the ACTIVE releases and stands back, a standby follows at once, the old one stays as PASSIVE."""
    first, *_ = fleet.trio()
    first.say("handover")
    second = fleet.wait_active(beyond=1)
    assert second is not first
    assert fleet.began(2) - fleet.ended(1) < AT_ONCE
    assert first.alive
    until(lambda: first.view()[0] == "PASSIVE", fleet.story)
    second.say("handover")
    fleet.wait_active(beyond=2)
    assert fleet.events()[-1] == "3 handover free"
