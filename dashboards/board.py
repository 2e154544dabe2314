"""A Grafana dashboard as plain data: rows of panels, the variables and the annotations that all boards share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.panel import DATASOURCE, Json, Panel

COLUMNS = 24
SCHEMA = 39
EPOCH_CHANGES = 'changes(max by (lock) (supervisor_lock_fencing_token{job=~"$job"})[2m:30s]) > 0'


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels under it, laid out from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; the first row answers whether anything is broken."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[tuple[str, str, str], ...] = ()
    """Of this board alone: each one's name, its label on the screen, and the query for its values."""

    @property
    def file(self) -> str:
        """The name of its file under grafana/."""
        return f"{self.uid}.json"

    def text(self) -> str:
        """Return the file's content."""
        return json.dumps(self.json(), indent=1, ensure_ascii=False) + "\n"

    def json(self) -> Json:
        """Return it as Grafana stores it."""
        return {
            "uid": self.uid,
            "title": f"Vigil / {self.title}",
            "description": self.description,
            "tags": ["vigil"],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "templating": {"list": [*_variables(), *(_values(*variable) for variable in self.variables)]},
            "annotations": {"list": [_epoch_changes()]},
            "links": [_siblings()],
            "panels": _laid_out(self.rows),
        }


def _laid_out(rows: Sequence[Row]) -> list[Json]:
    """Return headings and panels with their places: a panel that does not fit any more begins a new line."""
    placed: list[Json] = []
    y = 0
    for row in rows:
        place: Json = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        heading: Json = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        placed.append({"id": len(placed) + 1, "gridPos": place, **heading})
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            placed.append(panel.json(len(placed) + 1, x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return placed


def _variables() -> list[Json]:
    source: Json = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return [
        {**source, "hide": 0, "includeAll": False, "multi": False, "refresh": 1},
        _values("job", "Job", "label_values(supervisor_lock_held, job)"),
        _values("instance", "Instance", 'label_values(supervisor_lock_held{job=~"$job"}, instance)'),
    ]


def _values(name: str, label: str, query: str) -> Json:
    """Return a variable with the values of a label; all of them unless some are chosen."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "includeAll": True,
        "allValue": ".+",
        "multi": True,
        "refresh": 2,
        "sort": 1,
        "hide": 0,
    }


def _epoch_changes() -> Json:
    return {
        "name": "Change of epoch",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "orange",
        "expr": EPOCH_CHANGES,
        "target": {"expr": EPOCH_CHANGES, "refId": "Anno"},
        "titleFormat": "Another term of the lock",
        "step": "30s",
    }


def _siblings() -> Json:
    link: Json = {
        "type": "dashboards",
        "title": "Vigil",
        "tags": ["vigil"],
        "asDropdown": True,
        "icon": "external link",
    }
    return {**link, "includeVars": True, "keepTime": True, "targetBlank": False, "tooltip": "", "url": ""}
