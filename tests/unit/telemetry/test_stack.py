"""The stack of an exception: short, complete where it matters, without source and without variables."""

from __future__ import annotations

import pytest

from telemetry.stack import MOST_EXCEPTIONS, MOST_FRAMES, stack_of


def fall(depth: int) -> None:
    """Fail at the end of a recursion this deep."""
    if depth == 0:
        raise ValueError("the bottom")
    fall(depth - 1)


def caught(depth: int) -> ValueError:
    """Catch what falls."""
    with pytest.raises(ValueError, match="the bottom") as caught_error:
        fall(depth)
    return caught_error.value


def test_a_frame_is_a_place_and_a_function_and_nothing_else() -> None:
    """No source line, which would be read from disk, and no variable, which could be a secret."""
    first, *frames = stack_of(caught(1)).splitlines()
    assert first == "ValueError: the bottom"
    assert [frame.rpartition(" in ")[2] for frame in frames] == ["caught", "fall", "fall"]
    assert all(":" in frame and "raise" not in frame for frame in frames)


def test_a_deep_recursion_is_told_by_its_ends() -> None:
    """How it began and where it failed; the middle is a number."""
    lines = stack_of(caught(300)).splitlines()
    assert len(lines) == MOST_FRAMES + 2
    assert sum("more frames" in line for line in lines) == 1
    assert lines[1].endswith("in caught")
    assert lines[-1].endswith("in fall")


def test_a_wide_group_is_told_by_its_first_members() -> None:
    """A thousand failed tasks are one line each only up to a limit."""
    group = ExceptionGroup("many", [ValueError(str(number)) for number in range(1000)])
    lines = stack_of(group).splitlines()
    assert len(lines) == MOST_EXCEPTIONS
    assert lines[1] == "  | ValueError: 0"


def test_cause_context_and_notes_are_told() -> None:
    """What was being done, and what was added on the way up."""
    cause = KeyError("cause")
    cause.add_note("while reading the settings")
    error = ValueError("effect")
    error.__cause__ = cause
    cause.__context__ = OSError("context")
    assert stack_of(error).splitlines() == [
        "ValueError: effect",
        "caused by",
        "KeyError: 'cause'",
        "  note: while reading the settings",
        "while handling",
        "OSError: context",
    ]
