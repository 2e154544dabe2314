"""Pretty lines: aligned, on one line, and no control over the terminal."""

from __future__ import annotations

import io
import logging as stdlib

from telemetry import emit, events, logging


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_columns_are_aligned() -> None:
    """The eye finds time, level, message and fields in the same place on every line."""
    stream = io.StringIO()
    logging.configure(format="pretty", instance_id="a", stream=stream)
    emit(events.TermWon(epoch=7, reason="free"))
    emit(events.ShutdownRequested(by="SIGTERM"))
    first, second = stream.getvalue().splitlines()
    assert first[12:] == " INFO     Term won                                 epoch=7 reason=free [lock.term_won]"
    assert second.index("Shutdown requested") == first.index("Term won")
    assert second.index("by=SIGTERM") == first.index("epoch=7")


def test_only_trouble_is_coloured_and_only_on_a_terminal() -> None:
    """INFO stays in the terminal's own colour."""
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        logging.configure(format="pretty", instance_id="a", stream=stream)
        emit(events.TermWon(epoch=7, reason="free"))
        emit(events.LockSuspect(epoch=7))
    assert "\x1b[33mWARNING" in terminal.getvalue()
    assert "\x1b[32m" not in terminal.getvalue()
    assert "\x1b" not in pipe.getvalue()


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    """Escape sequences and line breaks are shown, not obeyed."""
    stream = io.StringIO()
    logging.configure(format="pretty", instance_id="a", stream=stream)
    hostile = "\x1b[2J\x9b31m\u202e\nFAKE LINE"
    emit(events.Unready(reason=hostile))
    stdlib.getLogger("some.library").warning(hostile)
    emit(events.ChildFailed(child="http", error=ValueError(hostile)))
    assert not set("\x1b\x9b\u202e") & set(stream.getvalue())
    first, second, third, *stack = stream.getvalue().splitlines()
    assert [line[13:21].strip() for line in (first, second, third)] == ["WARNING", "WARNING", "ERROR"]
    assert stack
    assert all(line.startswith("    ") for line in stack)


def test_a_stack_is_indented_below_its_line() -> None:
    """It belongs to the line above and is easy to skip."""
    stream = io.StringIO()
    logging.configure(format="pretty", instance_id="a", stream=stream)
    emit(events.ChildFailed(child="http", error=ValueError("boom\nsecond line")))
    head, *rest = stream.getvalue().splitlines()
    assert "children.failed" in head
    assert rest
    assert all(line.startswith("    ") for line in rest)
