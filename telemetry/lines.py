"""How a log line looks: JSON for machines, aligned columns for people."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

from telemetry import tracing
from telemetry.fields import text

if TYPE_CHECKING:
    from loguru import Record

_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"
_COLOURS: Final = {"DEBUG": _DIM, "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_MESSAGE_WIDTH = 40
_BREAKS: Final = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
"""Line breaks that JSON lets stand as they are and that readers of lines break at."""

_epoch: int | None = None


def set_epoch(epoch: int | None) -> None:
    """Put this epoch on every line from now on; None for none."""
    global _epoch  # noqa: PLW0603 - one process has one term at a time
    _epoch = epoch


class JsonLines:
    """One JSON object a line: time, level, event, message, fields, and what ties the line to traces and terms."""

    def __init__(self, instance_id: str) -> None:
        self._instance_id = instance_id

    def line(self, record: Record) -> str:
        """The line, with its end."""
        entry: dict[str, Any] = {
            "time": record["time"].astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record["level"].name,
            "event": record["extra"].get("event", "log"),
            "message": text(record["message"]),
            "fields": record["extra"].get("fields", {}),
            "instance_id": self._instance_id,
        }
        if _epoch is not None:
            entry["epoch"] = _epoch
        if (current := tracing.ids()) is not None:
            entry["trace_id"], entry["span_id"] = current
        return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).translate(_BREAKS) + "\n"


class PrettyLines:
    """Time, level, message, fields and event in columns; colour only for what deserves a second look."""

    def __init__(self, *, coloured: bool) -> None:
        self._coloured = coloured

    def line(self, record: Record) -> str:
        """The line, with its end; a stack follows, indented."""
        level, fields = record["level"].name, dict(record["extra"].get("fields", {}))
        stack = fields.pop("stack", None)
        pairs = " ".join(f"{name}={_short(value)}" for name, value in fields.items())
        event = str(record["extra"].get("event", "log"))
        line = " ".join(
            (
                self._paint(f"{record['time']:%H:%M:%S}.{record['time'].microsecond // 1000:03d}", _DIM),
                self._paint(f"{level:<8}", _COLOURS.get(level)),
                f"{_printable(text(record['message'])):<{_MESSAGE_WIDTH}}",
                *([pairs] if pairs else []),
                self._paint(f"[{event}]", _DIM),
            )
        )
        return f"{line}\n" + "".join(f"    {_printable(part)}\n" for part in str(stack or "").splitlines())

    def _paint(self, shown: str, colour: str | None) -> str:
        return f"{colour}{shown}{_RESET}" if self._coloured and colour else shown


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    shown = _printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return json.dumps(shown, ensure_ascii=False) if not shown or {" ", '"'} & set(shown) else shown


def _printable(shown: str) -> str:
    """The text on one line and without control characters: what comes from outside must not steer a terminal."""
    if shown.isprintable():
        return shown
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in shown
    )
