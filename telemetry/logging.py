"""Log lines: one JSON object a line for machines, aligned text for terminals, and never a secret in either.

loguru carries them. Standard logging (uvicorn, httpx, telegram, asyncio) is captured too; start uvicorn with
`log_config=None`, or it installs handlers of its own.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Literal, TextIO

from telemetry import emission, lines
from telemetry.capture import Capture
from telemetry.events.base import Event, Level
from telemetry.fields import plain
from telemetry.repeats import Repeats

Format = Literal["json", "pretty"]
_NUMBERS: dict[Level, int] = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


class LogSink:
    """Turns events into log lines; level and repetition are decided before anything costs."""

    def __init__(self, logger: Any, level: Level) -> None:
        self._logger = logger
        self._written: frozenset[Level] = frozenset(
            name for name, number in _NUMBERS.items() if number >= _NUMBERS[level]
        )
        self._repeats = Repeats()
        self._guard = threading.Lock()

    def record(self, event: Event) -> None:
        """Write the event's line, unless its level or its repetition keeps it silent."""
        level = event.level
        if level is None:
            return
        _follow_epoch(event)
        if level not in self._written:
            return
        held_back = self._held_back(event)
        if held_back is None:
            return
        fields = plain(event, stack=True)
        if held_back:
            fields["repeated"] = held_back
        self._logger.bind(event=event.name, fields=fields).log(level, event.message)

    def _held_back(self, event: Event) -> int | None:
        if event.quiet_seconds is None:
            return 0
        with self._guard:
            return self._repeats.seen(_series(event), time.monotonic(), event.quiet_seconds)


def configure(
    *,
    level: Level = "INFO",
    format: Format = "json",  # noqa: A002 - the word of the setting
    instance_id: str,
    stream: TextIO | None = None,
) -> None:
    """Write log lines to `stream` (standard error) from now on; a second call replaces the first."""
    global _sink, _capture  # noqa: PLW0603 - one process has one log
    from loguru import logger

    reset()
    target = sys.stderr if stream is None else stream
    style = lines.JsonLines(instance_id) if format == "json" else lines.PrettyLines(coloured=target.isatty())
    # Not enqueued: that costs the caller four times as much. No backtrace and no diagnosis: they print variables.
    # Not caught: loguru would print the record it failed on, unredacted; a failure is counted instead.
    logger.configure(
        handlers=[
            {
                "sink": _writer(target, style),
                "level": level,
                "format": "{message}",
                "backtrace": False,
                "diagnose": False,
                "catch": False,
            }
        ]
    )
    _capture = Capture(logger, _NUMBERS[level])
    _sink = LogSink(logger, level)
    emission.attach("log", _sink.record)


def reset() -> None:
    """Write nothing more, and give standard logging back."""
    global _sink, _capture  # noqa: PLW0603 - one process has one log
    if _sink is not None:
        emission.detach(_sink.record)
    if _capture is not None:
        _capture.undo()
    _sink = _capture = None


def set_epoch(epoch: int | None) -> None:
    """Put this epoch on every line from now on; None while this instance holds no term. Events of the lock do it too."""
    lines.set_epoch(epoch)


def _follow_epoch(event: Event) -> None:
    """Let the lines carry the epoch that the metric carries: whatever event sets one sets both."""
    for update in event.metrics:
        if update.metric.name == "supervisor_epoch":
            value = getattr(event, update.value) if isinstance(update.value, str) else update.value
            lines.set_epoch(int(value) if value else None)


def _writer(stream: TextIO, style: lines.JsonLines | lines.PrettyLines) -> Any:
    def write(message: Any) -> None:
        stream.write(style.line(message.record))
        stream.flush()
        emission.note_line(message.record["level"].name)

    return write


def _series(event: Event) -> tuple[object, ...]:
    """What makes two events repetitions of each other: the name, and the values of their metrics' labels."""
    labels = {label for update in event.metrics for label in update.fields() if label != update.value}
    return (event.name, *(getattr(event, label) for label in sorted(labels)))


_sink: LogSink | None = None
_capture: Capture | None = None
