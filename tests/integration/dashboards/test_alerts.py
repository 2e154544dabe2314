"""Every alert fires and stays silent as its cases in rules.test.yml say: promtool, with the rules that they are about."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.dashboards.test_rules import ALERTS, FOLDER

HEAD, *CASES = re.split(r"(?m)^(?=- name: )", (FOLDER / "rules.test.yml").read_text(encoding="utf-8"))


def named(case: str) -> set[str]:
    """Return the alerts that a case asks for."""
    patterns = re.findall(r'alertname=~?"([^"]+)"', case)
    return {alert for alert in ALERTS if any(re.fullmatch(pattern, alert) for pattern in patterns)}


def test_every_case_is_one_of_an_alert() -> None:
    """Any other would be run by none of the tests below."""
    assert [case for case in CASES if not named(case)] == []


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_does_what_its_cases_say(tmp_path: Path, alert: str) -> None:
    """One alert at a time: all rules in every case would take a minute."""
    cases = [case for case in CASES if alert in named(case)]
    wanted = {name for case in cases for name in named(case)}
    rules = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert", alert) in wanted]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    (tmp_path / "rules.test.yml").write_text("".join((HEAD, *cases)))
    command = ["promtool", "test", "rules", "rules.test.yml"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"
