"""The wheel: everything the program reads is in it, and nothing that only tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOP = {"supervisor", "bot", "telemetry", "dashboards", "migrations"}


def test_the_wheel_holds_code_sql_models_and_pages_and_no_tests(tmp_path: Path) -> None:
    """Queries, migrations, the catalogue and the sandbox's page are data files beside the code."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("vigil-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == TOP
    for kind in (
        "supervisor/sql/*.sql",
        "bot/sql/*.sql",
        "migrations/*.sql",
        "dashboards/*.yml",
        "dashboards/*.md",
        "dashboards/grafana/*.json",
        "dashboards/provisioning/*/*.yml",
        "bot/catalogue/*.yaml",
        "bot/sandbox/static/*",
    ):
        files = {str(path.relative_to(ROOT)) for path in ROOT.glob(kind) if path.is_file()}
        assert files
        assert files <= names
