"""Log lines: their shape, what they leave out, and what they never repeat."""

from __future__ import annotations

import io
import logging as stdlib
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from telemetry import capture, emission, emit, events, logging, redact

Lines = Callable[[], list[dict[str, Any]]]
TOKEN = "7123456789:AAH4zXq0mQ9dJ2b8Vn5LkT1sPwE3uYcR7oX"


def failure(text: str) -> ValueError:
    """Make an exception with a stack, a cause and a variable in its frame that no line may show."""
    hidden_variable = "never-in-a-log"
    try:
        fail(ValueError(text), KeyError("the cause"))
    except ValueError as error:
        assert hidden_variable
        return error


def fail(error: ValueError, cause: KeyError) -> NoReturn:
    """Raise one exception because of another."""
    raise error from cause


def test_a_line_has_the_documented_shape(lines: Lines) -> None:
    """Constant message, values as fields, instance and epoch to find it by."""
    emit(events.TermWon(epoch=7, reason="free"))
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "event": "lock.term_won",
        "message": "Term won",
        "fields": {"epoch": 7, "reason": "free"},
        "instance_id": "test-1",
        "epoch": 7,
    }


def test_lines_carry_the_epoch_from_the_term_won_to_its_end(lines: Lines) -> None:
    """Nobody has to remember to set it: the event that sets the metric sets it."""
    emit(events.ChildReady(child="http", seconds=0.1))
    emit(events.TermWon(epoch=7, reason="free"))
    emit(events.ChildReady(child="telegram", seconds=0.1))
    emit(events.TermLost(epoch=7, reason="fenced"))
    assert [line.get("epoch") for line in lines()] == [None, 7, 7, None]


def test_a_metric_only_event_writes_no_line(lines: Lines) -> None:
    """An acknowledged update is counted; it is logged when it settles."""
    emit(events.UpdatesAccepted(source="telegram", result="new", rows=1))
    assert lines() == []


def test_lines_below_the_level_are_not_written() -> None:
    """LOG_LEVEL=WARNING means it."""
    stream = io.StringIO()
    logging.configure(level="WARNING", instance_id="a", stream=stream)
    emit(events.TermWon(epoch=7, reason="free"))
    stdlib.getLogger("some.library").info("chatter")
    assert stream.getvalue() == ""
    emit(events.LockSuspect(epoch=7))
    assert "lock.suspect" in stream.getvalue()


def test_an_exception_is_told_with_its_stack_and_cause_but_without_variables(lines: Lines) -> None:
    """Where and why, never with what in it."""
    emit(events.ChildFailed(child="http", error=failure("boom")))
    (line,) = lines()
    assert line["fields"]["error_type"] == "ValueError"
    assert line["fields"]["error"] == "boom"
    assert "in failure" in line["fields"]["stack"]
    assert "KeyError: 'the cause'" in line["fields"]["stack"]
    assert "never-in-a-log" not in str(line)


def test_a_warning_tells_the_exception_without_its_stack(lines: Lines) -> None:
    """What is expected to happen and is retried needs no forty lines."""
    emit(events.HeartbeatFailed(kind="timeout", error=failure("slow")))
    (line,) = lines()
    assert line["fields"]["error"] == "slow"
    assert "stack" not in line["fields"]


def test_repeated_failures_are_summarised(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first speaks at once, the next one after the interval says how many were held back."""
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    for _ in range(50):
        emit(events.HeartbeatFailed(kind="timeout"))
    assert len(lines()) == 1
    now += 30.0
    emit(events.HeartbeatFailed(kind="timeout"))
    first, second = lines()
    assert "repeated" not in first["fields"]
    assert second["fields"]["repeated"] == 49


def test_series_that_differ_in_a_label_do_not_silence_each_other(lines: Lines) -> None:
    """A fenced heartbeat is news after a hundred timeouts."""
    emit(events.HeartbeatFailed(kind="timeout", result="error"))
    emit(events.HeartbeatFailed(kind="timeout", result="error"))
    emit(events.HeartbeatFailed(kind="epoch", result="fenced"))
    assert [line["fields"]["result"] for line in lines()] == ["error", "fenced"]


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "telegram.ext.Application", "uvicorn.access", "asyncio"])
def test_talkative_libraries_are_heard_from_warning_on_whatever_anyone_sets(
    lines: Lines, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Httpx writes every URL at INFO, and Telegram's URLs hold the bot token."""
    library = stdlib.getLogger(name)
    # uvicorn takes its access log out of the tree, for good, in every process in which a server was configured.
    monkeypatch.setattr(library, "propagate", True)
    before = library.level
    library.setLevel(stdlib.DEBUG)
    try:
        library.info("HTTP Request: POST https://api.telegram.org/bot%s/getMe", TOKEN)
        assert lines() == []
        library.warning("HTTP Request: POST https://api.telegram.org/bot%s/getMe", TOKEN)
    finally:
        library.setLevel(before)
    (line,) = lines()
    assert line["message"] == "HTTP Request: POST https://api.telegram.org/bot***/getMe"
    assert line["event"] == f"log.{name.partition('.')[0]}"
    assert line["fields"] == {"logger": name}


def test_a_library_that_repeats_itself_is_heard_once(lines: Lines) -> None:
    """A dead collector would otherwise write a line every five seconds for ever."""
    for attempt in range(20):
        stdlib.getLogger("opentelemetry.exporter").error("Failed to export span batch code: %s", attempt)
    assert len(lines()) == 1


def test_a_library_that_formats_wrongly_neither_raises_nor_shows_its_arguments(
    lines: Lines, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard logging would print the arguments to standard error, past the redaction."""
    root, before = stdlib.getLogger(), emission.failures()["log"]
    # pytest adds a handler of its own, which does raise.
    monkeypatch.setattr(root, "handlers", [ours for ours in root.handlers if isinstance(ours, capture.Handler)])
    stdlib.getLogger("some.library").warning("%d", TOKEN)
    assert lines() == []
    assert TOKEN not in capsys.readouterr().err
    assert emission.failures()["log"] == before + 1


def test_warnings_of_python_become_lines(lines: Lines) -> None:
    """They would otherwise break the JSON on standard error."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.configure(level="DEBUG", instance_id="a", stream=(stream := io.StringIO()))
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
        assert "old thing" in stream.getvalue()
        logging.reset()


def test_an_exception_of_a_library_is_told_as_fields(lines: Lines) -> None:
    """The same fields as an event's exception."""
    stdlib.getLogger("asyncio").error("Task exception was never retrieved", exc_info=failure(f"token {TOKEN}"))
    (line,) = lines()
    assert line["fields"]["error"] == "token ***"
    assert TOKEN not in str(line)
    assert "in failure" in line["fields"]["stack"]


def test_a_closed_stream_costs_the_line_and_nothing_else() -> None:
    """A terminal that went away must not stop the daemon."""
    stream = io.StringIO()
    logging.configure(instance_id="a", stream=stream)
    stream.close()
    before = emission.failures()["log"]
    emit(events.TermWon(epoch=7, reason="free"))
    stdlib.getLogger("some.library").warning("hello")
    assert emission.failures()["log"] == before + 2


def test_a_text_that_breaks_while_it_is_made_is_still_reported(lines: Lines) -> None:
    """Somebody's broken `__str__` must not hide that the child failed."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    emit(events.ChildFailed(child="http", error=Broken()))
    (line,) = lines()
    assert line["fields"]["error"] == "<text failed with RuntimeError>"


def test_a_long_text_is_cut_after_redaction(lines: Lines) -> None:
    """Cutting first could leave half a secret that nothing recognises."""
    redact.register_secret("correct-horse-battery-staple")
    emit(events.Unready(reason="x" * 1990 + "correct-horse-battery-staple" + "y" * 1000))
    reason = lines()[0]["fields"]["reason"]
    assert "correct" not in reason
    assert reason.startswith("x" * 1990 + "***")
    assert reason.endswith("more characters)")


def test_a_cause_that_leads_back_to_itself_ends() -> None:
    """Exceptions can form a ring."""
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    stream = io.StringIO()
    logging.configure(instance_id="a", stream=stream)
    emit(events.ChildFailed(child="http", error=first))
    assert stream.getvalue().count("caused by") == 2


def test_standard_logging_is_given_back() -> None:
    """Whoever embeds us finds its logging as it was."""
    root = stdlib.getLogger()
    before = (root.handlers[:], root.level, stdlib.getLogger("httpx").level)
    logging.configure(instance_id="a", stream=io.StringIO())
    assert root.handlers != before[0]
    logging.reset()
    assert (root.handlers, root.level, stdlib.getLogger("httpx").level) == before
