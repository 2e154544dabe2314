"""Metrics, traces and logs: the only package that knows their libraries.

Everybody else says what happened, `emit(events.TermWon(epoch=7, reason="free"))`, and telemetry derives the log line,
the metrics and the span event from it in one place (`telemetry/events/__init__.py` shows how to add one).
"""

from __future__ import annotations

from telemetry import events
from telemetry.emission import emit

__all__ = ["emit", "events"]
