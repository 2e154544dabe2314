"""Standard logging, captured into our lines: redacted, throttled, and quiet where a library talks too much."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from telemetry import emission
from telemetry.fields import told
from telemetry.repeats import Repeats

NOISY = frozenset(
    {"httpx", "httpcore", "telegram", "asyncio", "uvicorn", "opentelemetry", "urllib3", "requests", "PIL"}
)
"""Heard from WARNING on, whatever the level is: httpx writes every URL at INFO, and Telegram's hold the bot token."""

REPEAT_SECONDS = 60.0
_LEVELS = ((50, "CRITICAL"), (40, "ERROR"), (30, "WARNING"), (20, "INFO"))


class Handler(logging.Handler):
    """Passes records on to our lines; the same warning speaks once a minute, with how often it was held back."""

    def __init__(self, logger: Any) -> None:
        super().__init__()
        self._logger = logger
        self._repeats = Repeats()
        self._guard = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as a line; never raises."""
        family = record.name.partition(".")[0]
        # Checked here too: a library may raise its own level after we lowered it.
        if record.levelno < logging.WARNING and family in NOISY:
            return
        held_back = self._held_back(record)
        if held_back is None:
            return
        fields: dict[str, object] = {"logger": record.name}
        if held_back:
            fields["repeated"] = held_back
        if record.exc_info and record.exc_info[1] is not None:
            # As fields, not as loguru's exception: it would read source files on the event loop.
            fields |= told(record.exc_info[1], stack=True)
        level = next((name for number, name in _LEVELS if record.levelno >= number), "DEBUG")
        try:
            self._logger.bind(event=f"log.{family}", fields=fields).log(level, "{}", record.getMessage())
        except Exception as error:  # noqa: BLE001 - logging's own answer would print the arguments unredacted
            emission.note_failure("log", record.name, error)

    def _held_back(self, record: logging.LogRecord) -> int | None:
        if record.levelno < logging.WARNING:
            return 0
        with self._guard:
            key = (record.name, record.levelno, record.lineno, str(record.msg))
            return self._repeats.seen(key, time.monotonic(), REPEAT_SECONDS)


class Capture:
    """What standard logging was before, and our handler in its place."""

    def __init__(self, logger: Any, level: int) -> None:
        root = logging.getLogger()
        self._root = (root.handlers[:], root.level)
        self._levels = {name: logging.getLogger(name).level for name in NOISY}
        root.handlers[:] = [Handler(logger)]
        # Never DEBUG: what libraries say there is wire traffic.
        root.setLevel(max(level, logging.INFO))
        for name in NOISY:
            logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
        logging.captureWarnings(capture=True)

    def undo(self) -> None:
        """Put back what was there."""
        logging.captureWarnings(capture=False)
        root = logging.getLogger()
        root.handlers[:], level = self._root
        root.setLevel(level)
        for name, before in self._levels.items():
            logging.getLogger(name).setLevel(before)
