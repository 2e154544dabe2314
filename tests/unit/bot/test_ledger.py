"""Double entry as values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot import ledger
from bot.ledger import Entry, LedgerError, Payment, Transaction


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [
        ("welcome", "promotion", "available"),
        ("referral", "promotion", "available"),
        ("topup", "topup", "available"),
        ("grant", "grant", "available"),
        ("adjust", "adjust", "available"),
        ("hold", "available", "held"),
        ("charge", "held", "revenue"),
        ("release", "held", "available"),
        ("refund", "available", "topup"),
    ],
)
def test_each_kind_moves_its_amount_along_its_flow(
    kind: ledger.Kind, source: ledger.Account, target: ledger.Account
) -> None:
    """A transfer takes from its source what it gives to its target, under a key of kind and reference."""
    posted = ledger.transfer(kind, 5, 800, 77)
    assert posted.entries == (Entry(source, -800), Entry(target, 800))
    assert posted.key == f"{kind}:77"


@pytest.mark.parametrize("kind", ["hold", "topup", "grant", "refund", "adjust"])
@pytest.mark.parametrize("amount", [0, -1, 0.5, True, "800", Decimal(1), ledger.LARGEST + 1, 2**63])
def test_an_amount_that_cannot_be_moved_is_refused(kind: ledger.Kind, amount: Any) -> None:
    """Nothing, backwards, a fraction, no number, beyond reason; only an adjustment may take away."""
    if (kind, amount) == ("adjust", -1):
        assert ledger.transfer(kind, 5, amount, 77).entries[1] == Entry("available", -1)
        return
    with pytest.raises(LedgerError, match=f"^{kind}:77: .* expected a whole number from 1 to "):
        ledger.transfer(kind, 5, amount, 77)


def test_a_payment_has_a_name_that_no_other_one_has() -> None:
    """Provider, payment and refund are told apart, whatever characters a provider puts into its ids."""
    names = [
        Payment("stars", "a:b").refund(),
        Payment("stars", "a").refund("b"),
        Payment("stars", "a%3Ab").refund(),
        Payment("stars", "a%3Ab").refund("c"),
        Payment("stars", "a:b:c").refund(),
        Payment("stripe", "a").refund("b"),
    ]
    assert len(set(names)) == len(names)
    assert ledger.transfer("topup", 5, 800, Payment("stripe", "cs_1")).key == "topup:stripe:cs_1"
    assert Payment("yookassa", "2d-1").refund("r-7") == "yookassa:2d-1:r-7"


@pytest.mark.parametrize("written", ["", "a\n", "\x00", "ы", "x" * 256])
def test_what_is_no_id_of_a_payment_is_refused(written: str) -> None:
    """Empty, unprintable, not ASCII, too long; of the payment and of its refund."""
    with pytest.raises(LedgerError, match="is no id of a payment"):
        str(Payment("stars", written))
    with pytest.raises(LedgerError, match="is no id of a payment"):
        Payment("stars", "a").refund(written)


def test_what_an_adjustment_amounts_to_has_its_sign() -> None:
    """What is told and counted of it is what the user got, or lost."""
    assert [ledger.transfer("adjust", 5, amount, 77).amount for amount in (300, -300)] == [300, -300]


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (Entry("available", 1),),
        (Entry("available", 1), Entry("held", 1)),
        (Entry("available", 0), Entry("held", 0)),
        (Entry("available", 1), Entry("available", -1)),
        (Entry("available", 0.5), Entry("held", -0.5)),  # type: ignore[arg-type]  # wrong on purpose
        (Entry("available", True), Entry("held", -1)),
    ],
)
def test_entries_that_are_no_double_entry_are_refused(entries: tuple[Entry, ...]) -> None:
    """Two accounts or more, whole amounts other than zero, a sum of zero."""
    with pytest.raises(LedgerError):
        Transaction("adjust", "adjust:1", 5, entries)


@pytest.mark.parametrize(
    ("milli", "text"),
    [
        (800, "0.8"),
        (20_000, "20"),
        (0, "0"),
        (19_200, "19.2"),
        (1, "0.001"),
        (-1_050, "-1.05"),
        (10**18, "1" + "0" * 15),
    ],
)
def test_credits_are_written_exactly(milli: int, text: str) -> None:
    """No rounding, no trailing zeros."""
    assert ledger.format_credits(milli) == text


@pytest.mark.parametrize(
    "credits_",
    ["0.0001", "1.0000000000000000000000000000000001", "NaN", "sNaN", "Infinity", "1e1000000", "-1e13", "1e-999999"],
)
def test_an_amount_finer_than_a_milli_credit_is_refused(credits_: str) -> None:
    """Nothing is rounded silently."""
    with pytest.raises(LedgerError, match="three decimals"):
        ledger.to_milli(Decimal(credits_))
    assert ledger.to_milli(Decimal("0.8")) == 800
