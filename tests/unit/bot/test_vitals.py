"""What one term knows of models and of the operator's account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.breaker import COOLING_SECONDS, IN_A_ROW
from bot.health import Recent
from bot.numbers import Outcome
from bot.vitals import Vitals
from telemetry import events, testing

PRICE = 800


class Clock:
    """A clock that a test moves by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def _fail(vitals: Vitals, times: int, outcome: Outcome = "provider_error", code: str = "500") -> None:
    for _ in range(times):
        vitals.ended("m", outcome, code)


def test_a_breaker_is_told_at_each_change_and_shown_closed_when_the_term_is_over() -> None:
    """Open, tried again, closed; nobody shows what another instance knows better."""
    clock = Clock()
    vitals = Vitals(clock)
    with testing.record() as recorded:
        _fail(vitals, IN_A_ROW)
        assert vitals.refuses("m", PRICE) == "model"
        clock.now = COOLING_SECONDS
        vitals.measured({})
        assert vitals.refuses("m", PRICE) is None
        vitals.ordered("m")
        assert vitals.refuses("m", PRICE) == "model"
        vitals.ended("m", "success")
        _fail(vitals, IN_A_ROW, "timeout", "deadline")
        vitals.forget()
    changes = [(event.state, event.value) for event in recorded.all(events.CircuitChanged)]
    assert changes == [("open", 2), ("half_open", 1), ("closed", 0), ("open", 2), ("closed", 0)]


@pytest.mark.parametrize("outcome", ["moderation", "bad_input", "cancelled"])
def test_what_users_do_is_no_fault_of_a_model(outcome: Outcome) -> None:
    """Nor does it say that the model is well."""
    vitals = Vitals(Clock())
    _fail(vitals, 30, outcome)
    assert vitals.standings == {}
    assert vitals.refuses("m", PRICE) is None


def test_a_refusal_of_the_operator_stops_selling_and_blames_no_model() -> None:
    """Told once, however many orders it meets; a model's own trouble is not the operator's."""
    vitals = Vitals(Clock())
    with testing.record() as recorded:
        _fail(vitals, IN_A_ROW, code="401")
        assert vitals.refuses("m", PRICE) == "key"
        assert vitals.refuses("other", PRICE) == "key"
        vitals.account(vitals.sale.told(Decimal(3)))
        assert vitals.refuses("m", PRICE) is None
        _fail(vitals, 1, code="404")
        assert vitals.refuses("other", PRICE) is None
    assert [event.reason for event in recorded.all(events.SellingStopped)] == ["key"]
    assert len(recorded.all(events.SellingResumed)) == 1


def test_what_the_account_cannot_pay_is_not_sold() -> None:
    """The rest is."""
    vitals = Vitals(Clock())
    vitals.account(vitals.sale.told(Decimal(5)))
    assert vitals.refuses("m", 60_000) == "balance"
    assert vitals.refuses("m", 5_000) is None


def test_health_is_what_was_measured_last() -> None:
    """A model that has done nothing since has none."""
    vitals = Vitals(Clock())
    vitals.measured({"m": Recent(successes=9, faults=1, seconds=90)})
    assert (vitals.health_of("m").success, vitals.health_of("m").seconds) == (0.9, 10)
    assert vitals.standings["m"].is_healthy(0.0)
    vitals.measured({})
    assert vitals.health_of("m").success is None
