"""Real daemons, watched by a real Prometheus and Alertmanager with the shipped configuration, only faster."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.build import FOLDER
from tests.process.app.conftest import launch, sandbox
from tests.process.app.fleet import Instance, until
from tests.prometheus import Prometheus, Receiver, alertmanager, prometheus

__all__ = ["launch", "sandbox"]

SHIPPED = FOLDER.parent
SECONDS = "2s"
"""Of both intervals, the scrape's and the evaluation's."""


class Watch:
    """What watches the instances, and who is paged."""

    def __init__(self, targets: Path, prometheus: Prometheus, receiver: Receiver) -> None:
        self._targets = targets
        self.prometheus = prometheus
        self.receiver = receiver

    def scrape(self, *instances: Instance) -> None:
        """Scrape these instances and no others; return once each has been scraped."""
        addresses = [f"127.0.0.1:{instance.ops_port}" for instance in instances]
        fresh = self._targets.with_suffix(".new")
        fresh.write_text(json.dumps([{"targets": addresses}]))
        fresh.replace(self._targets)
        wanted = set(addresses)

        def scraped() -> bool:
            found = self.prometheus.query('up{job="vigil"} == 1')
            return wanted <= {series["metric"]["instance"] for series in found}

        until(scraped, f"{addresses} are scraped")

    def value(self, expr: str) -> float | None:
        """Return what Prometheus has for an expression now."""
        return self.prometheus.value(expr)

    def wait_evaluations(self, number: int) -> None:
        """Wait until the alerts have been evaluated so many times more."""
        before = self.prometheus.evaluations()
        until(lambda: self.prometheus.evaluations() >= before + number, f"{number} evaluations")


@pytest.fixture
def waits() -> dict[str, str]:
    """How long alerts wait here before they fire, by name, where the shipped time is too long for a test."""
    return {}


@pytest.fixture
def watch(tmp_path: Path, waits: dict[str, str]) -> Iterator[Watch]:
    """Prometheus and Alertmanager as shipped, with the intervals, the targets and the receiver of a test."""
    receiver = Receiver(time.time)
    with ExitStack() as stack:
        stack.enter_context(receiver.listening())
        paging = _shipped("alertmanager.yml")
        paging["receivers"][0]["webhook_configs"] = [{"url": receiver.url}]
        port = stack.enter_context(alertmanager(tmp_path / "alerts", _written(tmp_path / "alertmanager.yml", paging)))

        targets = tmp_path / "targets.json"
        targets.write_text("[]")
        _written(tmp_path / "rules.yml", _sooner(_shipped("rules.yml"), waits))
        watching = _shipped("prometheus.yml")
        watching["global"] = {"scrape_interval": SECONDS, "evaluation_interval": SECONDS}
        watching["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
        (job,) = watching["scrape_configs"]
        del job["static_configs"]
        job["file_sd_configs"] = [{"files": [str(targets)], "refresh_interval": "1s"}]
        config = _written(tmp_path / "prometheus.yml", watching)
        yield Watch(targets, stack.enter_context(prometheus(tmp_path / "history", config)), receiver)


def _shipped(name: str) -> Any:
    return yaml.safe_load((SHIPPED / name).read_text(encoding="utf-8"))


def _sooner(rules: Any, waits: dict[str, str]) -> Any:
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") in waits:
                rule["for"] = waits[rule["alert"]]
    return rules


def _written(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path
