"""Buttons of the menu and of questions, for any owner, action and argument."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.links import LONGEST_DATA, Link, data, parse


@given(
    st.integers(min_value=1, max_value=2**53),
    st.text(min_size=1, max_size=8),
    st.lists(st.text(max_size=20), max_size=3).map(tuple),
)
def test_a_link_that_is_written_reads_back_and_fits(owner: int, action: str, arguments: tuple[str, ...]) -> None:
    """What cannot be carried is refused; everything else comes back as it was."""
    link = Link(owner, action, arguments)
    try:
        written = data(link)
    except ValueError:
        too_long = len(":".join(("2", "x" * 11, action, *arguments)).encode()) > LONGEST_DATA - 11
        assert too_long or ":" in "".join((action, *arguments))
    else:
        assert parse(written) == link
        assert len(written.encode()) <= LONGEST_DATA


@given(st.text() | st.text("0123456789abc:~", max_size=70))
def test_no_data_makes_an_error(written: str) -> None:
    """Anybody can send anything."""
    for text in (written, f"2:{written}"):
        link = parse(text)
        assert link is None or link.owner > 0
