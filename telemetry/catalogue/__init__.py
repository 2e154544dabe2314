"""The one catalogue of metrics: code, documentation, dashboards, rules and lint all read it.

Prefix `supervisor_` for the kernel and `bot_` for the bot, base units, closed label sets, unknown values become
`other`. To add a metric, add one `Metric` to `supervisor.py`, `bot.py` or `models.py` and let an event update it
(`telemetry/events/__init__.py` shows how).
"""

from __future__ import annotations

from telemetry.catalogue import bot, ledger, models, supervisor
from telemetry.catalogue.base import OTHER, Kind, Label, Metric, Source

METRICS: tuple[Metric, ...] = (*supervisor.METRICS, *bot.METRICS, *ledger.METRICS, *models.METRICS)
BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}

__all__ = ["BY_NAME", "METRICS", "OTHER", "Kind", "Label", "Metric", "Source"]
