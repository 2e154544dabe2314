"""What a link carries to /start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.referrals import inviter, payload


@given(st.integers(min_value=1, max_value=2**52))
def test_every_link_leads_back_to_its_owner(user_id: int) -> None:
    """And fits what Telegram takes as a payload: 64 characters of A-Z, a-z, 0-9, _ and -."""
    assert inviter(payload(user_id)) == user_id
    assert len(payload(user_id)) <= 64


@pytest.mark.parametrize("given_", ["", "ref_", "ref_a", "ref_-5", "ref_٣", "ref_1 ", "REF_1", "5", "ref_" + "9" * 17])
def test_everything_else_is_no_invitation(given_: str) -> None:
    """Nobody is looked up for it."""
    assert inviter(given_) is None
