"""`vigil dashboards export`: the whole box, and it works where it was put."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from supervisor.app.dashboards import write
from supervisor.errors import SupervisorError

SOURCE = Path(__file__).parents[3] / "dashboards"


def test_everything_but_the_code_is_written_and_what_was_there_is_replaced(tmp_path: Path) -> None:
    """An upgrade exports into the same folder again."""
    folder = tmp_path / "new" / "folder"
    write(folder)
    (folder / "rules.yml").write_text("of an older version")
    written = write(folder)
    expected = {path.relative_to(SOURCE) for path in SOURCE.rglob("*") if path.suffix in {".json", ".md", ".yml"}}
    assert {path.relative_to(folder) for path in written} == expected
    assert {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} == expected
    assert all(path.read_bytes() == (SOURCE / path.relative_to(folder)).read_bytes() for path in written)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """One line and a hint."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SupervisorError, match="Writing the dashboards into") as refused:
        write(tmp_path / "file")
    assert refused.value.hint


@pytest.mark.needs("promtool")
@pytest.mark.needs("amtool")
def test_the_exported_configuration_is_accepted_by_prometheus_and_alertmanager(tmp_path: Path) -> None:
    """The rules are found beside the configuration, and nothing is deprecated."""
    write(tmp_path)
    for command in (
        ["promtool", "check", "config", "prometheus.yml"],
        ["promtool", "check", "rules", "--lint=all", "--lint-fatal", "rules.yml"],
        ["amtool", "check-config", "alertmanager.yml"],
    ):
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
