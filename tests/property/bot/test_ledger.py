"""Double entry, for any amounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import ledger
from bot.ledger import LedgerError

AMOUNTS = st.integers(min_value=1, max_value=ledger.LARGEST)
KINDS = st.sampled_from(get_args(ledger.Kind))


@given(KINDS, AMOUNTS, st.integers(), st.text())
def test_every_transfer_sums_to_zero(kind: ledger.Kind, amount: int, user_id: int, reference: str) -> None:
    """M1, for the transactions of a flow."""
    posted = ledger.transfer(kind, user_id, amount, reference)
    assert sum(entry.amount for entry in posted.entries) == 0
    assert len(posted.entries) >= 2


@given(st.integers(min_value=-ledger.LARGEST, max_value=ledger.LARGEST))
def test_written_credits_read_back_as_the_same_amount(milli: int) -> None:
    """Formatting loses nothing."""
    assert ledger.to_milli(Decimal(ledger.format_credits(milli))) == milli


@given(
    st.one_of(st.integers(max_value=0), st.integers(min_value=ledger.LARGEST + 1), st.floats(), st.decimals()),
    st.text(),
)
def test_no_other_amount_is_moved(amount: Any, reference: str) -> None:
    """Zero, negative, huge and fractional amounts are an error, whatever they are of."""
    with pytest.raises(LedgerError):
        ledger.transfer("hold", 1, amount, reference)
