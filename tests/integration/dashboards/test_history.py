"""Every panel shows data: its own expressions, asked of a real Prometheus that has lived through three hours."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.build import FOLDER
from tests.integration.dashboards import history
from tests.prometheus import Prometheus, prometheus
from tests.unit.dashboards.promql import SUBSTITUTES

FILES = sorted(FOLDER.glob("*.json"))
pytestmark = [pytest.mark.needs("prometheus"), pytest.mark.needs("promtool")]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus whose only memory is the synthetic history."""
    folder = tmp_path_factory.mktemp("history")
    (folder / "history.om").write_text(history.write())
    (folder / "prometheus.yml").write_text("{}\n")
    create = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.om", "data"]
    subprocess.run(create, cwd=folder, check=True, capture_output=True, timeout=60)
    # A history that was written has no marks where an instance went away: its last sample would stand for 5 minutes.
    with prometheus(folder / "data", folder / "prometheus.yml", "--query.lookback-delta=45s") as running:
        yield running


def expressions() -> Iterator[tuple[str, str, Any]]:
    """Every query of every panel."""
    for path in FILES:
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                yield path.stem, panel["title"], target


def asked(target: Any) -> str:
    """The expression as Grafana sends it."""
    expr: str = target["expr"]
    for variable, value in SUBSTITUTES.items():
        expr = expr.replace(variable, value)
    return expr


def numbers(prometheus: Prometheus, target: Any) -> list[float]:
    """Every number that a target brings."""
    expr = asked(target)
    if target["instant"]:
        return [float(series["value"][1]) for series in prometheus.query(expr, history.END)]
    found = prometheus.query_range(expr, history.START, history.END, 60)
    return [float(value) for series in found for _, value in series["values"]]


@pytest.mark.parametrize(
    ("board", "panel", "target"), list(expressions()), ids=lambda part: part if isinstance(part, str) else part["refId"]
)
def test_no_panel_is_empty(lived: Prometheus, board: str, panel: str, target: Any) -> None:
    """A panel that has never shown data shows none on the day it is needed."""
    found = numbers(lived, target)
    assert [number for number in found if not math.isnan(number)], f"{board}, {panel}: {asked(target)}"


def test_the_first_row_tells_the_story(lived: Prometheus) -> None:
    """What one sees at the end of the three hours."""
    first = {panel: numbers(lived, target) for _, panel, target in list(expressions())[:6]}
    assert first["ACTIVE instances"] == [1]
    assert first["Lock alerts firing"] == [0]
    assert first["Unplanned takeovers, 1 h"] == [0]
    assert first["Since the last takeover"] == [80 * 60]
    (share,) = first["Exactly one ACTIVE"]
    assert 0.98 < share < 1.0, "the freeze of a has cost something"


def test_the_first_row_of_the_queue_tells_the_story(lived: Prometheus) -> None:
    """Five slow minutes have cost most of a month's budget as far as it reaches, and one update was given up."""
    first = {panel: numbers(lived, target) for board, panel, target in expressions() if board == "vigil-queue"}
    assert first["Queue alerts firing"] == [0]
    assert first["Given up, 1 h"] == [0]
    assert first["Acknowledged in time, 1 h"] == [pytest.approx(1, abs=1e-6)]
    (left,) = first["Error budget left, 30 d"]
    assert 1 - 5 / 180 * 0.2 / 0.005 < left < 1 - 5 / 180 * 0.1 / 0.005


def test_the_first_row_of_the_models_tells_the_story(lived: Prometheus) -> None:
    """At the end all is well again, music has become dear, and the balance lasts for days."""
    first = {panel: numbers(lived, target) for board, panel, target in expressions() if board == "vigil-models"}
    for calm in (
        "Model and ledger alerts firing",
        "Models not sold",
        "Selling",
        "Books wrong by",
        "Holds past their time",
    ):
        assert first[calm] == [0], calm
    (success,), (lasts,) = first["Success, 1 h"], first["Balance lasts"]
    assert 0.97 < success < 1
    assert 86_400 < lasts < 3 * 86_400
    (share,), (margin,) = first["Cost of the price, 24 h"], first["Margin, 24 h"]
    assert 0.5 < share < 0.55
    assert margin > 0


def test_what_every_instance_tells_of_a_model_is_told_once(lived: Prometheus) -> None:
    """Two are scraped at 130 min: a sum over them would show every dollar twice."""
    at = history.START + 130 * 60
    (told,) = lived.query('count(bot_selling_stopped{reason="key"})', at)
    assert told["value"][1] == "2"
    cost = lived.query('bot_model_cost_usd_window{window="24h"}', at)
    (once,) = {float(series["value"][1]) for series in cost if series["metric"]["model"] == "z-image"}
    expr = next(asked(target) for _, panel, target in expressions() if panel == "By model" and target["refId"] == "F")
    (shown,) = [series for series in lived.query(expr, at) if series["metric"]["model"] == "z-image"]
    assert float(shown["value"][1]) == once


def test_the_bars_count_what_happened(lived: Prometheus) -> None:
    """Extrapolation must not turn one takeover into none or two, nor count it once for each instance."""
    found = {}
    for _, panel, target in expressions():
        if panel == "What happened in the shown time":
            for series in lived.query(asked(target), history.END):
                found["".join(series["metric"].values())] = float(series["value"][1])
    assert found["stale"] == found["session_lost"] == found["handover"] == 1


def test_the_annotations_mark_every_change_of_epoch(lived: Prometheus) -> None:
    """Three changes, three marks."""
    board = json.loads(FILES[0].read_text(encoding="utf-8"))
    expr = asked(board["annotations"]["list"][0])
    (marks,) = lived.query_range(expr, history.START, history.END, 30)
    times = [at for at, _ in marks["values"]]
    runs = [at for at, before in zip(times, [0, *times], strict=False) if at - before > 60]
    assert [round((at - history.START) / 60) for at in runs] == [60, 100, 140]
