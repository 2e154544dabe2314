"""Every expression of the dashboards and rules finds something in what a real instance shows after one picture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from dashboards.build import BOARDS
from telemetry.catalogue import ledger
from telemetry.catalogue.bot import GENERATIONS, PROVIDER
from telemetry.catalogue.models import OPEN
from tests.process.app.conftest import Launch
from tests.process.app.fleet import Instance, Sandbox, until
from tests.process.observability.test_lock_metrics import moved, names
from tests.prometheus import get
from tests.unit.dashboards.promql import FOREIGN, RECORDED, RULES, Selector, parse, selectors

GENERATING = {metric.name for metric in (*GENERATIONS, *PROVIDER, *ledger.METRICS, *OPEN)}
SEEN_ELSEWHERE = {
    # Trouble that has tests of its own: a crash between two steps, refusals, a hold that nobody ends, wrong prices and books.
    "bot_generations_late_total",
    "bot_generation_step_errors_total",
    "bot_generations_underpriced_total",
    "bot_generation_overdue_seconds",
    "bot_ledger_refused_total",
    "bot_ledger_refunds_short_total",
    "bot_ledger_drift_credits",
    "bot_ledger_negative_balances",
}
UNSEEN = {
    # There was no takeover.
    "supervisor_lock_last_takeover_timestamp_seconds"
}
SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? [^ ]+$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
pytestmark = pytest.mark.timeout(120)


def scrape(instance: Instance) -> list[tuple[str, dict[str, str]]]:
    """Return the name and the labels of every series, with those that a scrape adds."""
    text = get(f"http://127.0.0.1:{instance.ops_port}/metrics") or ""
    added = {"job": "vigil", "instance": "one:9464"}
    return [(name, {**added, **dict(LABEL.findall(labels))}) for name, labels in SERIES.findall(text)]


def expressions() -> Iterator[str]:
    """Every expression that the dashboards and rules ask."""
    for board in BOARDS:
        for panel in json.loads(board.text())["panels"]:
            yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (rule["expr"] for rule in RULES)


def is_found(selector: Selector, series: list[tuple[str, dict[str, str]]]) -> bool:
    """Whether a selector finds any of the series."""
    return any(
        name == selector.name and all(_fits(labels.get(label, ""), op, value) for label, op, value in selector.matchers)
        for name, labels in series
    )


def _fits(found: str, op: str, value: str) -> bool:
    if op in {"Equal", "NotEqual"}:
        return (found == value) is (op == "Equal")
    return (re.fullmatch(value, found) is not None) is (op == "Re")


def test_every_expression_finds_what_a_real_instance_shows(launch: Launch, sandbox: Sandbox) -> None:
    """A name that only the catalogue knows, or a value that nothing ever bears, would stay empty for ever."""
    instance = launch("one")
    instance.wait_role("ACTIVE")
    seen: set[str] = set()

    def has_moved(*wanted: str) -> bool:
        found = names(moved(instance))
        seen.update(found)
        return set(wanted) <= found

    sandbox.set_faults(provider_latency="12")
    sandbox.write("a red fox")
    sandbox.wait_for("the quote", lambda message: "Generate" in message["buttons"])
    sandbox.press("Generate")
    under_way = ("bot_generations_open", "bot_generation_oldest_open_seconds", "bot_ledger_holds")
    until(lambda: has_moved(*under_way), lambda: f"one under way; moved: {seen & GENERATING}")
    shown = scrape(instance)
    sandbox.wait_for("the picture", lambda message: message["kind"] == "photo")
    until(lambda: has_moved("bot_model_cost_usd_window"), lambda: f"its numbers; moved: {seen & GENERATING}")
    assert GENERATING - seen <= SEEN_ELSEWHERE
    assert [each["model"] for each in (instance.status() or {})["models"]] == ["z-image"]
    shown += scrape(instance)
    asked = {selector for expr in expressions() for selector in selectors(parse(expr))}
    ours = [selector for selector in asked if selector.name not in {*FOREIGN, *RECORDED, *UNSEEN}]
    assert len(ours) > 150
    assert sorted(f"{s.name}{s.matchers}" for s in ours if not is_found(s, shown)) == []
