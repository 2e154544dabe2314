"""Tests that need a program: skipped and listed without it, failed where every program was promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.needs("sh")
def test_with() -> None:
    pass

@pytest.mark.needs("no-such-program")
def test_without() -> None:
    pass
"""


@pytest.fixture
def run(tmp_path: Path) -> object:
    """Run two tests, one of which needs what is absent, under our conftest; return how it ended and what it said."""
    conftest = Path(__file__).parents[1] / "conftest.py"
    (tmp_path / "conftest.py").write_text(conftest.read_text())
    (tmp_path / "test_two.py").write_text(TESTS)

    def pytest_with(require: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", str(tmp_path)]
        environment = os.environ | {"VIGIL_TEST_REQUIRE": require}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout

    return pytest_with


def test_an_absent_program_is_a_skip_that_is_listed_at_the_end(run: object) -> None:
    """A skip is never taken for a pass: the test is named, with what it lacks."""
    assert callable(run)
    code, said = run("")
    assert code == 0
    assert "1 passed, 1 skipped" in said
    assert "NOT TESTED" in said
    assert "needs no-such-program: not found on PATH: 1 tests" in said
    assert "test_two.py::test_without" in said


def test_an_absent_program_fails_where_all_were_promised(run: object) -> None:
    """In CI every program is installed; a skip there is a broken set-up."""
    assert callable(run)
    code, said = run("all")
    assert code == 1
    assert "VIGIL_TEST_REQUIRE=all allows no skip" in said
