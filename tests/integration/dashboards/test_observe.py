"""`make observe` without the programs it starts."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "dashboards" / "observe.sh"


def test_without_prometheus_it_says_what_to_install() -> None:
    """A line, a hint, the exit code of a missing dependency."""
    ended = subprocess.run(
        ["/bin/sh", str(SCRIPT)], env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 69
    assert "not on PATH" in ended.stderr
    assert "Try: " in ended.stderr
