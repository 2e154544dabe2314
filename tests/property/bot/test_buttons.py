"""Buttons, for any field and value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.handlers.buttons import LONGEST_DATA, Button, data, parse


@given(st.integers(min_value=1, max_value=10**18 - 1), st.text(max_size=30), st.text(max_size=30))
def test_a_button_that_is_written_reads_back_and_fits(number: int, field: str, value: str) -> None:
    """What cannot be carried is refused; everything else comes back as it was."""
    button = Button("set", number, field, value)
    try:
        written = data(button)
    except ValueError:
        assert ":" in field or len(f"1:set:{number}:{field}:{value}".encode()) > LONGEST_DATA
    else:
        assert parse(written) == button
        assert len(written.encode()) <= LONGEST_DATA


@given(st.text())
def test_no_data_makes_an_error(written: str) -> None:
    """Anybody can send anything."""
    button = parse(written)
    assert button is None or parse(data(button)) == button
