"""Emitting: one event goes to every sink that is attached, and nothing ever comes back.

Sinks are metrics, log, span and, in tests, recorders. Each takes the event itself, so the log line, the metrics and
the span cannot disagree. A sink that fails is counted and does not disturb the others.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Literal

from telemetry.events.base import Event

SinkName = Literal["metrics", "log", "span", "recorder"]
Sink = Callable[[Event], None]

_changing = threading.Lock()
_sinks: tuple[tuple[SinkName, Sink], ...] = ()
_failures: dict[SinkName, int] = {"metrics": 0, "log": 0, "span": 0, "recorder": 0}
_lines: dict[str, int] = {}
_spans: dict[str, int] = {}


def emit(event: Event) -> None:
    """Record one transition everywhere it belongs; never raises, may be called from any thread."""
    for name, sink in _sinks:
        try:
            sink(event)
        except Exception as error:  # noqa: BLE001 - a broken metric or log line must never break what it describes
            note_failure(name, event.name, error)


def attach(name: SinkName, sink: Sink) -> None:
    """Let `sink` receive every event from now on."""
    global _sinks  # noqa: PLW0603 - replaced as a whole, so that emit reads it without a lock
    with _changing:
        _sinks = (*_sinks, (name, sink))


def detach(sink: Sink) -> None:
    """Let `sink` receive no further event; detaching twice does nothing."""
    global _sinks  # noqa: PLW0603 - replaced as a whole, so that emit reads it without a lock
    with _changing:
        _sinks = tuple(entry for entry in _sinks if entry[1] != sink)


def note_failure(sink: SinkName, what: str, error: BaseException) -> None:
    """Count what a sink could not take; the first of each sink is said on standard error."""
    with _changing:
        _failures[sink] += 1
        first = _failures[sink] == 1
    if first and sys.stderr is not None and not sys.stderr.closed:
        # The type alone: the text of an exception may carry what redaction exists to hide.
        sys.stderr.write(f"telemetry: the {sink} sink failed on {what}: {type(error).__name__}\n")


def note_line(level: str) -> None:
    """Count one written log line."""
    with _changing:
        _lines[level] = _lines.get(level, 0) + 1


def note_spans(result: Literal["sent", "failed"], number: int) -> None:
    """Count spans that arrived at the collector or did not."""
    with _changing:
        _spans[result] = _spans.get(result, 0) + number


def failures() -> dict[SinkName, int]:
    """How many events each sink could not take since the process started."""
    return dict(_failures)


def lines() -> dict[str, int]:
    """How many log lines were written since the process started, by level."""
    return dict(_lines)


def spans() -> dict[str, int]:
    """How many spans arrived at the collector and how many did not, since the process started."""
    return dict(_spans)
