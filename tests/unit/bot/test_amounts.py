"""Amounts as people write them."""

from __future__ import annotations

import pytest

from bot.amounts import LARGEST_CREDITS, AmountProblem, parse


@pytest.mark.parametrize(
    ("written", "milli"),
    [
        ("20", 20_000),
        ("+20", 20_000),
        ("0.5", 500),
        ("1,5", 1_500),
        (".001", 1),
        ("5.", 5_000),
        ("00.100000", 100),
        (str(LARGEST_CREDITS), LARGEST_CREDITS * 1_000),
    ],
)
def test_an_amount_is_read_exactly(written: str, milli: int) -> None:
    """With a point or with a comma."""
    assert parse(written) == milli


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "not_a_number"),
        (".", "not_a_number"),
        ("five", "not_a_number"),
        ("1 000", "not_a_number"),
        ("1e3", "not_a_number"),
        ("inf", "not_a_number"),
        ("٣", "not_a_number"),
        ("1.2.3", "not_a_number"),
        ("9" * 31, "not_a_number"),
        ("-1", "negative"),
        ("-0.0001", "negative"),
        ("0", "zero"),
        ("-0", "zero"),
        ("0.0001", "too_fine"),
        ("1.00000000000000000000000000001", "too_fine"),
        ("1000000.001", "huge"),
        ("9" * 30, "huge"),
    ],
)
def test_what_is_no_amount_is_refused_for_its_own_reason(written: str, problem: str) -> None:
    """Nothing is rounded."""
    with pytest.raises(AmountProblem) as raised:
        parse(written)
    assert raised.value.problem == problem
