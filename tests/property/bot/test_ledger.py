"""Double entry, for any amounts."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from bot import ledger

AMOUNTS = st.integers(min_value=1, max_value=2**62)
KINDS = st.sampled_from(get_args(ledger.Kind))


@given(KINDS, AMOUNTS, st.integers(), st.text())
def test_every_transfer_sums_to_zero(kind: ledger.Kind, amount: int, user_id: int, reference: str) -> None:
    """M1, for the transactions of a flow."""
    posted = ledger.transfer(kind, user_id, amount, reference)
    assert sum(entry.amount for entry in posted.entries) == 0
    assert len(posted.entries) >= 2


@given(AMOUNTS, st.data())
def test_every_charge_resolves_its_whole_hold(held: int, data: st.DataObject) -> None:
    """M1 and M7: the hold is used up, nobody pays more than it, the entries sum to zero."""
    amount = data.draw(st.integers(min_value=1, max_value=held))
    entries = {entry.account: entry.amount for entry in ledger.charge(1, held, amount, 1).entries}
    assert sum(entries.values()) == 0
    assert entries["held"] == -held
    assert entries["revenue"] == amount
    assert entries.get("available", 0) == held - amount


@given(st.integers(min_value=-(2**62), max_value=2**62))
def test_written_credits_read_back_as_the_same_amount(milli: int) -> None:
    """Formatting loses nothing."""
    assert ledger.to_milli(Decimal(ledger.format_credits(milli))) == milli


@given(st.tuples(KINDS, st.integers(), AMOUNTS), st.tuples(KINDS, st.integers(), AMOUNTS))
def test_two_requests_share_a_hash_only_when_they_are_the_same(
    one: tuple[ledger.Kind, int, int], other: tuple[ledger.Kind, int, int]
) -> None:
    """A key used again for something else is noticed."""
    hashes = {ledger.transfer(*request, "k").request_hash for request in (one, other)}
    assert len(hashes) == len({one, other})
