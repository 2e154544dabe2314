"""What holds for the repository as a whole: sizes, names, locks without addresses."""

from __future__ import annotations

import re
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("supervisor", "bot", "telemetry", "dashboards", "migrations")
LIMIT = 350


def test_no_source_file_holds_two_things() -> None:
    """Past 350 lines a file holds two things; there is no exception."""
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(sources) > 100
    assert {path.relative_to(ROOT): count for path in sources if (count := _lines(path)) > LIMIT} == {}


def test_our_import_names_have_no_second_owner() -> None:
    """`supervisor` is also supervisord's package: installed side by side, each would overwrite the other's files."""
    owners = packages_distributions()
    assert {name: others for name in PACKAGES if (others := set(owners.get(name, ())) - {"vigil"})} == {}


def test_the_locks_are_hashed_and_name_no_address() -> None:
    """A fresh clone installs the same bits from wherever it may install."""
    for lock in (ROOT / "requirements.lock", ROOT / "tests" / "requirements.lock"):
        text = lock.read_text()
        pinned = re.findall(r"^[a-z0-9._-]+(?:\[[a-z,-]+\])?==", text, re.MULTILINE)
        assert len(pinned) > 40
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text
        assert "--index" not in text


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
