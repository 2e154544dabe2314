"""The tables and the JSON of a bench: each ratio is of what its bar speaks of, and what is no number is null."""

from __future__ import annotations

import json
import math

from bench.rounds import Case, Figures, as_json_text, table

FOUND = {"ours": [Figures(95.0)], "ours, silent": [Figures(100.0)], "peer": [Figures(50.0)]}


def test_a_contender_may_be_compared_with_another_than_the_base() -> None:
    """What telemetry costs is a share of the silent one; a peer is held against ours."""
    case = Case("", "acks/s", "ours", FOUND, inverse=True, against={"ours": "ours, silent"})
    assert case.ratio("ours") == "0.95× of ours, silent"
    assert case.ratio("peer") == "ours is 1.90×"


def test_without_a_base_nothing_is_compared() -> None:
    """Where all arrive at a given rate, the rates say nothing."""
    assert Case("paced", "rows/s", "", FOUND).ratio("ours") == ""


def test_a_table_has_the_latencies_that_were_measured_and_no_others() -> None:
    """Columns of dashes would hide that nothing was measured."""
    assert "p50" not in table([Case("", "MB", "ours", FOUND)])
    assert "| 250 |" in table([Case("", "acks/s", "ours", {"ours": [Figures(95.0, p50=0.25)]})])


def test_what_is_no_number_is_null_in_json() -> None:
    """Strict readers refuse NaN and Infinity."""
    text = as_json_text({"rate": math.nan, "freeze": [1.0, math.inf], "name": "≥"})
    assert json.loads(text) == {"rate": None, "freeze": [1.0, None], "name": "≥"}
