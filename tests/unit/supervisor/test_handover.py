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
