"""What is kept of a failure."""

from __future__ import annotations

import pytest

from supervisor.inbox.claims import ERROR_CHARACTERS, reason, verdict


def test_a_reason_names_type_and_place_and_repeats_no_message() -> None:
    """An error's message may hold a prompt or a token."""
    with pytest.raises(ValueError, match="fox") as caught:
        raise ValueError("a red fox in snow, token 123456:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghi")
    found = reason(caught.value)
    assert found.startswith("ValueError in ")
    assert "fox" not in found
    assert "123456" not in found


def test_a_reason_is_short() -> None:
    """A type with a very long name is cut."""
    assert len(reason(type("E" * 900, (Exception,), {})())) == ERROR_CHARACTERS


def test_a_verdict_repeats_what_the_error_says() -> None:
    """The words of an error after which no try can help are the program's own, and an operator reads them."""
    assert verdict(LookupError("the sender's id is none")) == "LookupError: the sender's id is none"
    assert len(verdict(LookupError("x" * 900))) == ERROR_CHARACTERS
