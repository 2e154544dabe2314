"""Panels of a Grafana dashboard as plain data: what is asked, how it is drawn, in which unit, from when on it is bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Steps = Sequence[tuple[float | None, str]]
"""Colours from values on; the first value is None, which means from the beginning."""

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
CALM: Steps = ((None, "green"),)


@dataclass(frozen=True, slots=True)
class Query:
    """One expression and the legend of its series; `instant` asks for now instead of for the range."""

    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False

    def target(self, number: int) -> Json:
        """Return it as Grafana stores it."""
        return {
            "refId": chr(ord("A") + number),
            "datasource": DATASOURCE,
            "expr": self.expr,
            "legendFormat": self.legend or "__auto",
            "instant": self.instant,
            "range": not self.instant,
            "format": "table" if self.table else "time_series",
            "exemplar": not self.instant and "_bucket" in self.expr,
        }


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet: what is asked for each row, in which unit, and from when on it is bad."""

    heading: str
    expr: str
    unit: str
    decimals: int = 0
    thresholds: Steps = CALM

    def override(self) -> Json:
        """Return it as Grafana stores how a field looks."""
        steps = [{"color": colour, "value": value} for value, colour in self.thresholds]
        shown = {"unit": self.unit, "decimals": self.decimals, "thresholds": {"mode": "absolute", "steps": steps}}
        if self.thresholds is not CALM:
            shown["custom.cellOptions"] = {"type": "color-text"}
        return {
            "matcher": {"id": "byName", "options": self.heading},
            "properties": [{"id": name, "value": value} for name, value in shown.items()],
        }


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: a question in its title, the answer's meaning in its description."""

    kind: Literal["stat", "timeseries", "bargauge", "table"]
    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    width: int
    height: int
    thresholds: Steps = CALM
    defaults: Json = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    more: Json = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    """Of series whose name already says how bad they are."""
    overrides: tuple[Json, ...] = ()

    def json(self, number: int, x: int, y: int) -> Json:
        """Return it as Grafana stores it, at its place in the grid of 24 columns."""
        steps = [{"color": colour, "value": value} for value, colour in self.thresholds]
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "thresholds": {"mode": "absolute", "steps": steps},
                    "color": {"mode": "palette-classic" if self.kind == "timeseries" else "thresholds"},
                    **self.defaults,
                },
                "overrides": [*(_coloured(name, colour) for name, colour in self.colours.items()), *self.overrides],
            },
            "options": self.options,
            "targets": [query.target(number) for number, query in enumerate(self.queries)],
            **self.more,
        }


def _coloured(name: str, colour: str) -> Json:
    fixed = {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}
    return {"matcher": {"id": "byName", "options": name}, "properties": [fixed]}


def stat(title: str, description: str, unit: str, expr: str, thresholds: Steps, **defaults: Any) -> Panel:
    """Return one number, coloured by how bad it is."""
    options = {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "textMode": "value",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    query = Query(expr, instant=True)
    return Panel("stat", title, description, unit, (query,), 4, 4, thresholds, defaults, options)


def series(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    steps: bool = False,
    rare: bool = False,
    limits: Steps = CALM,
    colours: Mapping[str, str] | None = None,
    **defaults: Any,
) -> Panel:
    """Return lines over time; `steps` for what jumps, `limits` drawn as lines from which on it is bad.

    `rare` makes little things visible beside big ones: each step upwards is ten times as much.
    """
    custom: Json = {
        "drawStyle": "line",
        "lineInterpolation": "stepAfter" if steps else "linear",
        "lineWidth": 2 if steps else 1,
        "fillOpacity": 15 if steps else 0,
        "showPoints": "never",
        "spanNulls": False,
        "thresholdsStyle": {"mode": "off" if limits is CALM else "line"},
    }
    if rare:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
        defaults["min"] = None
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    drawn = {key: value for key, value in {"min": 0, "custom": custom, **defaults}.items() if value is not None}
    return Panel("timeseries", title, description, unit, queries, width, 8, limits, drawn, options, {}, colours or {})


def bars(title: str, description: str, unit: str, *queries: Query, width: int = 12, thresholds: Steps = CALM) -> Panel:
    """Return one horizontal bar for each series, as of now."""
    options = {
        "orientation": "horizontal",
        "displayMode": "basic",
        "showUnfilled": True,
        "text": {"titleSize": 14, "valueSize": 20},
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return Panel("bargauge", title, description, unit, queries, width, 8, thresholds, {"min": 0}, options)


def table(
    title: str, description: str, expr: str, *, columns: Mapping[str, str], width: int = 12, height: int = 8
) -> Panel:
    """Return the series as rows; `columns` are the labels to show, and `Value`, in order, with their headings."""
    order = {label: place for place, label in enumerate(columns)}
    organize = {
        "id": "organize",
        "options": {
            "excludeByName": {name: True for name in ("Time", "Value") if name not in columns},
            "indexByName": order,
            "renameByName": dict(columns),
        },
    }
    query = Query(expr, instant=True, table=True)
    defaults = {"custom": {"align": "left", "cellOptions": {"type": "auto"}}}
    more = {"transformations": [organize]}
    return Panel(
        "table", title, description, "none", (query,), width, height, CALM, defaults, {"showHeader": True}, more
    )


def sheet(title: str, description: str, row: str, *columns: Column, height: int = 12) -> Panel:
    """Return one row for each value of the label `row`, and in each column what its expression says of it."""
    queries = tuple(Query(column.expr, instant=True, table=True) for column in columns)
    names = [f"Value #{query.target(number)['refId']}" for number, query in enumerate(queries)]
    headings = dict(zip(names, (column.heading for column in columns), strict=True))
    order = {name: place for place, name in enumerate((row, *names))}
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": order,
        "renameByName": {row: row.capitalize(), **headings},
    }
    more = {
        "transformations": [
            {"id": "merge", "options": {}},
            {"id": "organize", "options": organize},
            {"id": "sortBy", "options": {"sort": [{"field": columns[0].heading, "desc": True}]}},
        ]
    }
    defaults = {"custom": {"align": "left", "cellOptions": {"type": "auto"}}, "noValue": "–"}
    named: Json = {"matcher": {"id": "byName", "options": row.capitalize()}}
    wide = {**named, "properties": [{"id": "custom.width", "value": 230}]}
    overrides = (wide, *(column.override() for column in columns))
    return Panel(
        "table",
        title,
        description,
        "none",
        queries,
        24,
        height,
        CALM,
        defaults,
        {"showHeader": True},
        more,
        {},
        overrides,
    )
