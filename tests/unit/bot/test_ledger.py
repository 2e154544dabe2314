"""Double entry as values."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot import ledger
from bot.ledger import Entry, LedgerError, Transaction


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


def test_a_partial_charge_gives_the_rest_back() -> None:
    """The whole hold is resolved: revenue gets the charge, the user the rest."""
    posted = ledger.charge(5, held=800, amount=500, reference=77)
    assert posted.entries == (Entry("held", -800), Entry("revenue", 500), Entry("available", 300))


@pytest.mark.parametrize("amount", [0, -1, 801])
def test_a_charge_beyond_its_hold_is_refused(amount: int) -> None:
    """Nobody is charged more than was held, or nothing at all."""
    with pytest.raises(LedgerError, match="hold of 800"):
        ledger.charge(5, held=800, amount=amount, reference=77)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_transfer_of_nothing_or_backwards_is_refused(amount: int) -> None:
    """Only an adjustment may take away."""
    with pytest.raises(LedgerError, match="positive"):
        ledger.transfer("hold", 5, amount, 77)
    assert ledger.transfer("adjust", 5, -1, 77).entries[1] == Entry("available", -1)


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


def test_the_request_hash_tells_requests_apart_and_not_their_order() -> None:
    """Kind, user, accounts and amounts make the request; the order of its entries does not."""
    request = ledger.transfer("hold", 5, 800, 77)
    swapped = Transaction("hold", "other", 5, tuple(reversed(request.entries)))
    others = [
        ledger.transfer("hold", 6, 800, 77),
        ledger.transfer("hold", 5, 801, 77),
        ledger.transfer("refund", 5, 800, 77),
    ]
    assert swapped.request_hash == request.request_hash
    assert len({request.request_hash, *(other.request_hash for other in others)}) == 4


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


@pytest.mark.parametrize("credits_", ["0.0001", "NaN", "Infinity"])
def test_an_amount_finer_than_a_milli_credit_is_refused(credits_: str) -> None:
    """Nothing is rounded silently."""
    with pytest.raises(LedgerError, match="three decimals"):
        ledger.to_milli(Decimal(credits_))
    assert ledger.to_milli(Decimal("0.8")) == 800
