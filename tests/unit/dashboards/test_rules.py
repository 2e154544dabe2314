"""The alerts: each explained, each with a runbook, each shown to fire and to stay silent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.build import BOARDS
from supervisor.cli import parser
from telemetry.events import REGISTRY
from tests.unit.dashboards.promql import RECORDED, RULES, parse, selectors, wrong

FOLDER = Path(__file__).parents[3] / "dashboards"
ALERTING = [rule for rule in RULES if "alert" in rule]
ALERTS = sorted({rule["alert"] for rule in ALERTING})
STEPS = sorted({(rule["alert"], rule["labels"]["severity"]) for rule in ALERTING})
SECTIONS = ("**Symptom.**", "**Meaning.**", "**First look.**", "**Remedy.**")


def anchors() -> dict[str, str]:
    """Return the sections of the runbooks by their anchor."""
    text = (FOLDER / "runbooks.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return {title.strip().lower(): body for title, body in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize("rule", ALERTING, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(rule: Any) -> None:
    """Severity, component, summary, description, a runbook section and a dashboard that exist."""
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["component"]
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert (file, anchor) == ("runbooks.md", rule["alert"].lower())
    assert all(section in anchors()[anchor] for section in SECTIONS)
    assert rule["annotations"]["dashboard_url"] in {f"/d/{board.uid}" for board in BOARDS}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_what_the_program_exports(rule: Any) -> None:
    """An alert on a metric that does not exist is silent for ever."""
    assert wrong(rule["expr"]) == []


def test_every_recorded_series_is_read_by_an_alert() -> None:
    """One that nothing reads is evaluated for nobody."""
    read = {selector.name for rule in ALERTING for selector in selectors(parse(rule["expr"]))}
    assert set(RECORDED) <= read


def test_the_runbooks_describe_the_alerts_and_nothing_else() -> None:
    """A section without an alert is one that nobody keeps true."""
    assert sorted(anchors()) == sorted(alert.lower() for alert in ALERTS)


@pytest.mark.parametrize(("alert", "severity"), STEPS)
def test_every_alert_has_a_test_that_fires_it_and_one_that_does_not(alert: str, severity: str) -> None:
    """An alert that never fired is unproven, and so is one that always does."""
    tests = yaml.safe_load((FOLDER / "rules.test.yml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test.get("promql_expr_test", ())]
    label = f'severity="{severity}"'
    firing = [
        case for case in cases for sample in case["exp_samples"] if {f'alertname="{alert}"', label} <= _labels(sample)
    ]
    silent = [
        case
        for case in cases
        if not case["exp_samples"]
        and f'alertname="{alert}"' in case["expr"]
        and ("severity=" not in case["expr"] or label in case["expr"])
    ]
    assert firing
    assert silent


def test_one_model_s_page_does_not_silence_another_one_s_warning() -> None:
    """Of the steps of an alert the highest speaks, but only of the same lock and the same model."""
    paging = yaml.safe_load((FOLDER / "alertmanager.yml").read_text(encoding="utf-8"))
    of_steps = [rule["equal"] for rule in paging["inhibit_rules"] if "equal" in rule]
    assert of_steps
    assert all({"alertname", "job", "lock", "model"} == set(equal) for equal in of_steps)


def test_the_runbooks_name_panels_that_exist() -> None:
    """Who is sent to a picture must find it."""
    text = (FOLDER / "runbooks.md").read_text(encoding="utf-8")
    titles = {panel.title for board in BOARDS for row in board.rows for panel in row.panels}
    named = {" ".join(found.split()) for found in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", text)}
    assert len(named) > 12
    assert named <= titles


def _labels(sample: Any) -> set[str]:
    return set(re.findall(r'\w+="[^"]*"', sample["labels"]))


def test_the_runbooks_name_commands_and_log_events_that_exist() -> None:
    """At three in the morning a command that is refused is worse than none."""
    text = (FOLDER / "runbooks.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^vigil (.+)$", text, flags=re.MULTILINE))
    assert len(commands) > 6
    for command in commands:
        parser().parse_args(re.sub(r" [EN]$", " 7", command).split())
    named = set(
        re.findall(
            r"`((?:lock|lifecycle|database|children|inbox|outbox|http|generations|routing|selling|ledger)\.[a-z_]+)`",
            text,
        )
    )
    assert len(named) > 4
    assert named <= set(REGISTRY)
