"""Which uid the server of root gets."""

from __future__ import annotations

from supervisor.embedded.account import OWN_UIDS, choose_uid

EVERY = [range(2**32)]


def nobody_has(_uid: int) -> bool:
    return False


def test_a_home_keeps_its_uid_and_two_homes_differ() -> None:
    """The choice depends on the seed alone."""
    first = choose_uid("/a", taken=nobody_has, mapped=EVERY)
    assert first == choose_uid("/a", taken=nobody_has, mapped=EVERY)
    assert first != choose_uid("/b", taken=nobody_has, mapped=EVERY)
    assert first in OWN_UIDS


def test_a_uid_that_somebody_uses_is_passed_over() -> None:
    """The next free one is taken, around the end of the range if need be."""
    first = choose_uid("/a", taken=nobody_has, mapped=EVERY)
    assert choose_uid("/a", taken=lambda uid: uid == first, mapped=EVERY) not in (first, None)
    for only in (OWN_UIDS[0], OWN_UIDS[-1]):
        assert choose_uid("/a", taken=only.__ne__, mapped=EVERY) == only


def test_a_container_that_maps_few_uids_has_none_to_give() -> None:
    """No uid outside of the map can be taken on, so none is offered."""
    assert choose_uid("/a", taken=nobody_has, mapped=[range(1)]) is None
    assert choose_uid("/a", taken=nobody_has, mapped=[range(50_007, 50_008)]) == 50_007
    assert choose_uid("/a", taken=lambda _: True, mapped=EVERY) is None
