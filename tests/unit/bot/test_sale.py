"""Whether anything is sold: the operator's key and credits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.sale import Sale

CHEAP = Decimal("0.8")


def test_nothing_known_is_sold_on() -> None:
    """A term begins before the account was asked."""
    assert Sale().stops(CHEAP) is None


def test_an_empty_account_stops_selling_until_it_is_filled() -> None:
    """At zero, and in debt; a single credit is enough to go on with what it buys."""
    assert Sale().told(Decimal(0)).stops(CHEAP) == "balance"
    assert Sale().told(Decimal(-3)).stops(CHEAP) == "balance"
    assert Sale().told(Decimal(0)).told(Decimal(1)).stops(CHEAP) is None


def test_what_costs_more_than_there_is_is_not_sold() -> None:
    """The rest is."""
    few = Sale().told(Decimal(5))
    assert few.stops(Decimal("5.1")) == "balance"
    assert few.stops(Decimal(5)) is None


@pytest.mark.parametrize(("code", "stop"), [("401", "key"), ("433", "key"), ("402", "balance")])
def test_a_refusal_of_the_operator_stops_selling_until_the_account_answers(code: str, stop: str) -> None:
    """Whatever the account held when it was asked last."""
    refused = Sale().told(Decimal(100)).refused(code)
    assert refused.stops(CHEAP) == stop
    assert refused.told(Decimal(100)).stops(CHEAP) is None
    assert refused.told(Decimal(0)).stops(CHEAP) == "balance"


@pytest.mark.parametrize("code", ["404", "505", "500", "unreachable", ""])
def test_another_refusal_says_nothing_about_the_operator(code: str) -> None:
    """It neither stops selling nor starts it again."""
    assert Sale().refused(code).stops(CHEAP) is None
    assert Sale().refused("401").refused(code).stops(CHEAP) == "key"
