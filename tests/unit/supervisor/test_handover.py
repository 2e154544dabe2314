"""When a handover may be asked for, and when it has happened."""

from __future__ import annotations

import pytest

from supervisor.handover import Holding, NotHandedOver


def test_without_a_holder_or_a_standby_it_is_refused() -> None:
    """Giving leadership to nobody would stop the bot; force takes the second refusal away, never the first."""
    with pytest.raises(NotHandedOver, match="Nobody leads"):
        Holding(4, None, 3).refuse(force=True)
    with pytest.raises(NotHandedOver, match="nobody stands by"):
        Holding(4, "one", 0).refuse(force=False)
    Holding(4, "one", 0).refuse(force=True)
    Holding(4, "one", 1).refuse(force=False)


@pytest.mark.parametrize(("expires_in", "said"), [(6.24, "is over in 6.2 s"), (-3.0, "its lease is over")])
def test_a_holder_whose_session_is_gone_is_not_said_to_lead(expires_in: float, said: str) -> None:
    """After a kill -9 its lease runs on for seconds: nobody would hear what is asked, with force or without."""
    for force in (False, True):
        with pytest.raises(NotHandedOver, match=said) as refused:
            Holding(4, "one", 1, gone=True, expires_in=expires_in).refuse(force=force)
        assert "one cannot be asked" in str(refused.value)
        assert "leads and" not in str(refused.value)


@pytest.mark.parametrize(
    ("after", "is_over"),
    [
        (Holding(4, "one", 0), False),
        (Holding(4, None, 0), False),
        (Holding(5, "two", 0), True),
        (Holding(5, "one", 0), True),
        (Holding(5, None, 0), False),
    ],
)
def test_it_has_happened_once_somebody_holds_another_term(after: Holding, is_over: bool) -> None:
    """A lease that is free for the moment is not yet a new leader."""
    assert after.is_over(Holding(4, "one", 1)) is is_over
