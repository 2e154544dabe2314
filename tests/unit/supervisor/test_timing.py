"""The lock's times: the profiles hold every rule, overrides scale, and whatever is broken is said in a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.timing import PROFILES, Profile, Timing, resolve

TABLE = {
    "standard": (2.0, 1.5, 7.0, 8.5, 10.0, 0.5, 0.75, 12.0),
    "fast": (1.0, 0.8, 3.2, 4.2, 5.0, 0.5, 0.75, 6.0),
    "compat": (15.0, 5.0, 80.0, 100.0, 120.0, 2.0, 2.0, 120.0),
}


@pytest.mark.parametrize("profile", ["standard", "fast", "compat"])
def test_the_profiles_are_the_table_of_the_design_and_break_no_rule(profile: Profile) -> None:
    """Nobody starts with a profile that is refused."""
    timing, problems = resolve(profile)
    assert problems == ()
    assert timing == Timing(profile, *TABLE[profile])


def test_an_overridden_renew_scales_its_timeout_alone() -> None:
    """R and T keep their proportion."""
    timing, problems = resolve("standard", renew=1.0)
    assert problems == ()
    assert timing == replace(PROFILES["standard"], renew=1.0, timeout=0.75)


def test_an_overridden_lease_scales_the_deadlines_and_the_dead_link() -> None:
    """D, H and K keep their proportion to L; how often is renewed and looked stays."""
    timing, problems = resolve("standard", lease=20.0)
    assert problems == ()
    assert timing == replace(PROFILES["standard"], lease=20.0, soft=14.0, hard=17.0, dead_link=24.0)


@pytest.mark.parametrize("profile", ["standard", "fast", "compat"])
def test_the_predecessors_15_and_300_mean_compat(profile: Profile) -> None:
    """Whoever kept the old settings gets the old cadence, with deadlines that hold."""
    assert resolve(profile, 15.0, 300.0) == (PROFILES["compat"], ())


@pytest.mark.parametrize(("renew", "lease"), [(15.0, None), (15.0, 299.0), (14.0, 30.0)])
def test_only_exactly_15_and_300_mean_compat(renew: float, lease: float | None) -> None:
    """Anything near it is an ordinary override."""
    timing, problems = resolve("standard", renew, lease)
    assert timing != PROFILES["compat"]
    assert (timing is None) == bool(problems)


STANDARD = PROFILES["standard"]
BROKEN = {
    "a silent holder is surely gone": (replace(STANDARD, hard=9.5), "9.5"),
    "the work has until": (replace(STANDARD, soft=7.6), "7.6"),
    "2 lost renews take": (replace(STANDARD, renew=4.0), "4"),
    "the server drops a dead link": (replace(STANDARD, dead_link=8.4), "8.4"),
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_each_broken_rule_is_named_with_its_figures(sentence: str) -> None:
    """One rule broken, one sentence."""
    timing, figure = BROKEN[sentence]
    (problem,) = timing.problems()
    assert problem.startswith(sentence)
    assert f"= {figure} s" in problem


def test_every_broken_rule_is_listed_at_once() -> None:
    """Nobody corrects settings one refusal at a time."""
    timing, problems = resolve("standard", renew=30.0, lease=5.0)
    assert timing is None
    assert len(problems) == 2
    assert len(replace(STANDARD, soft=9.0, hard=9.4, renew=9.0, dead_link=1.0).problems()) == 4


def test_a_hard_deadline_as_long_as_the_lease_is_refused() -> None:
    """Equality is not enough: with H = L two may lead at one instant."""
    assert replace(PROFILES["standard"], hard=10.0, dead_link=12.0).problems()


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_that_is_none_is_refused_by_name(value: float) -> None:
    """Arithmetic on it would only make the other sentences wrong."""
    timing, problems = resolve("standard", renew=value)
    assert timing is None
    assert problems[0].startswith("renew must be a positive number of seconds")


def test_the_database_gets_the_lease_in_milliseconds() -> None:
    """The functions take an integer."""
    assert replace(PROFILES["fast"], lease=4.0004).lease_ms == 4000
