"""The dashboards: generated, legible, and about nothing but what the program exports."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashboards.build import BOARDS, FOLDER
from telemetry.catalogue import bot, ledger, models
from tests.unit.dashboards.promql import FOREIGN, RULES, parse, selectors, wrong

FILES = sorted(FOLDER.glob("*.json"))
UNITS = {"none", "s", "ops", "reqps", "bytes", "percentunit", "currencyUSD", "suffix: ×", "suffix: /min"}
RANGE = re.compile(r"(?:rate|increase)\([^()]*\[(?!\$__)")


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def board(request: pytest.FixtureRequest) -> Any:
    """Each committed dashboard."""
    path: Path = request.param
    return json.loads(path.read_text(encoding="utf-8"))


def panels(board: Any) -> list[Any]:
    """Return its panels without the headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_the_committed_files_are_what_is_built() -> None:
    """Run `python -m dashboards.build` after changing a board."""
    assert [path.name for path in FILES] == sorted(board.file for board in BOARDS)
    for board in BOARDS:
        assert (FOLDER / board.file).read_text(encoding="utf-8") == board.text()


def test_a_panel_says_what_it_shows_in_which_unit_and_from_when_on_it_is_bad(board: Any) -> None:
    """At three in the morning nobody guesses."""
    assert len(panels(board)) > 5
    for panel in panels(board):
        title = panel["title"]
        assert title
        assert panel["description"].endswith("."), title
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in UNITS, title
        assert defaults["thresholds"]["steps"][0]["value"] is None, title
        assert panel["targets"], title
        if panel["type"] == "stat":
            assert len(defaults["thresholds"]["steps"]) > 1, f"{title} has no colour for bad"
        if panel["type"] in {"timeseries", "bargauge"}:
            assert all(target["legendFormat"] != "__auto" for target in panel["targets"]), title
    titles = [panel["title"] for panel in panels(board)]
    assert len(titles) == len(set(titles))


def test_the_first_row_answers_whether_anything_is_broken(board: Any) -> None:
    """Before any scrolling, in colours."""
    first = list(itertools.takewhile(lambda panel: panel["type"] != "row", board["panels"][1:]))
    assert {panel["type"] for panel in first} == {"stat"}
    assert {panel["options"]["colorMode"] for panel in first} == {"background"}


def test_panels_lie_in_the_grid_and_not_on_each_other(board: Any) -> None:
    """Grafana would push them about, differently in each version."""
    places = [(panel["title"], panel["gridPos"]) for panel in board["panels"]]
    assert all(at["x"] + at["w"] <= 24 for _, at in places)
    for (title, a), (other, b) in itertools.combinations(places, 2):
        apart_x = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        apart_y = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart_x or apart_y, f"{title} overlaps {other}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_source_is_the_chosen_one_and_the_board_belongs_to_its_code(board: Any) -> None:
    """It works with any Prometheus, and what is changed by hand is not lost silently: it cannot be saved."""
    sources = [panel["datasource"] for panel in panels(board)]
    sources += [target["datasource"] for panel in panels(board) for target in panel["targets"]]
    sources += [annotation["datasource"] for annotation in board["annotations"]["list"]]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    own = ["model"] if board["uid"] == "vigil-models" else []
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource", "job", "instance", *own]
    assert board["editable"] is False
    assert re.fullmatch(r"vigil-[a-z-]+", board["uid"])


def test_every_expression_asks_for_what_the_program_exports(board: Any) -> None:
    """Metrics of the catalogue, with labels and values they have, counters under rate or increase."""
    for panel in panels(board):
        for target in panel["targets"]:
            assert wrong(target["expr"]) == [], panel["title"]
    for annotation in board["annotations"]["list"]:
        assert wrong(annotation["expr"]) == []


def test_everything_that_is_measured_of_the_bot_can_be_seen() -> None:
    """A metric that no panel shows and no rule reads is paid for and helps nobody."""
    asked = [query.expr for board in BOARDS for row in board.rows for panel in row.panels for query in panel.queries]
    asked += [rule["expr"] for rule in RULES]
    read = {selector.metric for expr in asked for selector in selectors(parse(expr))}
    measured = (*bot.METRICS, *ledger.METRICS, *models.METRICS)
    assert [metric.name for metric in measured if metric not in read] == []


def test_every_selector_follows_the_job_and_time_series_follow_the_zoom(board: Any) -> None:
    """Another bot in the same Prometheus stays out of the picture; a fixed range lies at another zoom."""
    for panel in panels(board):
        for target in panel["targets"]:
            for selector in selectors(parse(target["expr"])):
                assert selector.name == "ALERTS" or ("job", "Re", ".+") in selector.matchers, panel["title"]
            if panel["type"] == "timeseries":
                assert not RANGE.search(target["expr"]), panel["title"]


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("sum(supervisor_lock_hold)", "not in the catalogue"),
        ('supervisor_lock_held{pod="a"}', "has no label pod"),
        ('supervisor_lock_takeovers_window{window="2h"}', "never has window=2h"),
        ("sum by (reason) (supervisor_lock_held)", "nothing below has the label reason"),
        ("max(supervisor_lock_handovers_db_total)", "not under rate or increase"),
        ("supervisor_lock_held * on (pod) supervisor_epoch", "nothing below has the label pod"),
    ],
)
def test_the_check_finds_what_it_is_for(expr: str, found: str) -> None:
    """A check that finds nothing proves nothing."""
    assert any(found in text for text in wrong(expr))


def test_what_prometheus_makes_is_not_ours() -> None:
    """Nothing is excused that the catalogue knows."""
    assert not [name for name in FOREIGN if name.startswith(("supervisor_", "bot_"))]
