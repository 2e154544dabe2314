"""Every bench runs: a short round of each, as JSON. How fast is not asked here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BENCHES = ("ack", "dequeue", "fairness", "generations", "leadership", "ledger", "memory", "quotes", "scale", "writer")
SECONDS = 100.0
"""For one of them, however busy the machine is."""


def strictly(text: str) -> object:
    """Read JSON as a strict reader does: NaN and Infinity are none."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_each_bench_of_the_makefile_is_run_here() -> None:
    """One that nobody runs breaks unseen; scale takes too long for the Makefile's list."""
    (listed,) = re.findall(r"(?m)^BENCH \?= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert {*listed.split(), "scale"} == set(BENCHES)


@pytest.mark.timeout(120)
@pytest.mark.needs("wrk")
@pytest.mark.needs("taskset")
@pytest.mark.parametrize("name", BENCHES)
def test_a_quick_round_ends_with_figures(name: str, tmp_path: Path) -> None:
    """Exit 0 and one line of JSON: the interfaces that a bench uses are those of the present code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"bench.{name}", "--quick", "--json"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert strictly(ended.stdout)
