"""What an expression asks for, read from its syntax tree: metrics, matchers, labels it groups by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from telemetry.catalogue import BY_NAME, Metric

FOREIGN = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate", "severity", "component", "lock", "job"}}
"""What Prometheus itself makes, with the labels our expressions may use."""
RULES: list[Any] = [
    rule
    for group in yaml.safe_load((Path(__file__).parents[3] / "dashboards" / "rules.yml").read_text(encoding="utf-8"))[
        "groups"
    ]
    for rule in group["rules"]
]
RECORDED = {rule["record"]: set(rule["record"].partition(":")[0].split("_")) for rule in RULES if "record" in rule}
"""What rules record, with the labels that the first part of its name says it has."""
SCRAPED = {"job", "instance", "instance_id"}
SUBSTITUTES = {"$__rate_interval": "2m", "$__range": "3h", "$job": ".+", "$instance": ".+", "$model": ".+"}


@dataclass(frozen=True)
class Selector:
    """One metric with the matchers on it and the function that it is an argument of."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]
    function: str | None

    @property
    def metric(self) -> Metric | None:
        """Its metric in the catalogue; a histogram by any of its series."""
        for suffix in ("_bucket", "_count", "_sum"):
            found = BY_NAME.get(self.name.removesuffix(suffix)) if self.name.endswith(suffix) else None
            if found is not None and found.kind == "histogram":
                return found
        return BY_NAME.get(self.name)

    @property
    def labels(self) -> set[str]:
        """The labels that its series have."""
        if self.metric is None:
            return FOREIGN.get(self.name) or RECORDED.get(self.name, set())
        return SCRAPED | set(self.metric.label_names) | ({"le"} if self.metric.kind == "histogram" else set())


def parse(expr: str) -> Any:
    """Return the tree of an expression of a dashboard or a rule; raise ValueError if it has none."""
    for variable, value in SUBSTITUTES.items():
        expr = expr.replace(variable, value)
    return promql_parser.parse(expr)


def selectors(node: Any, function: str | None = None) -> Iterator[Selector]:
    """Every selector of a tree."""
    if isinstance(node, promql_parser.VectorSelector):
        matchers = tuple((m.name, str(m.op).rpartition(".")[2], m.value) for m in node.matchers.matchers)
        yield Selector(node.name or "", matchers, function)
    if isinstance(node, promql_parser.Call):
        function = node.func.name
    for child in children(node):
        yield from selectors(child, function)


def groupings(node: Any) -> Iterator[tuple[list[str], list[Selector]]]:
    """Every list of labels that is grouped by or joined on, with the selectors it is about."""
    modifier = getattr(node, "modifier", None)
    if modifier is not None:
        matching = getattr(modifier, "matching", modifier)
        if matching is not None and getattr(matching, "labels", None):
            yield list(matching.labels), list(selectors(node))
    for child in children(node):
        yield from groupings(child)


def children(node: Any) -> Iterator[Any]:
    """The parts of a node."""
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        part = getattr(node, name, None)
        if part is not None and not callable(part):
            yield part
    yield from getattr(node, "args", None) or ()


def wrong(expr: str) -> list[str]:
    """Return what an expression asks for that the program does not export."""
    tree = parse(expr)
    found = []
    for selector in selectors(tree):
        if selector.metric is None and selector.name not in FOREIGN | RECORDED:
            found.append(f"{selector.name} is not in the catalogue")
            continue
        for label, op, value in selector.matchers:
            if label not in selector.labels:
                found.append(f"{selector.name} has no label {label}")
            elif op in {"Equal", "NotEqual"} and not _possible(selector.metric, label, value):
                found.append(f"{selector.name} never has {label}={value}")
        if selector.name.endswith(("_total", "_bucket")) and selector.function not in {"rate", "increase"}:
            found += [] if _is_aggregated(tree) else [f"{selector.name} is a counter and not under rate or increase"]
    for labels, about in groupings(tree):
        for label in labels:
            if not any(label in selector.labels for selector in about):
                found.append(f"nothing below has the label {label} that is grouped by")
    return found


def _possible(metric: Metric | None, label: str, value: str) -> bool:
    if metric is None:
        return True
    closed = next((known.values for known in metric.labels if known.name == label), ())
    return not closed or value in closed


def _is_aggregated(tree: Any) -> bool:
    """Whether a counter's aggregate is what rate or increase looks at, through a subquery."""
    if isinstance(tree, promql_parser.SubqueryExpr):
        return True
    return any(_is_aggregated(child) for child in children(tree))
