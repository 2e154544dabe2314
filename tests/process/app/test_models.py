"""`vigil models` as a program: what it ends with, where it speaks, and that it needs no settings and no database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.process.app.test_cli import vigil


@pytest.mark.parametrize("arguments", [("list",), ("show", "z-image"), ("lint",), ("price", "z-image")])
def test_the_catalogue_can_be_read_on_a_machine_that_has_nothing_else(home: Path, arguments: tuple[str, ...]) -> None:
    """No token, no database; JSON is one document on standard output."""
    done = vigil(home, "models", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    assert json.loads(vigil(home, "models", *arguments, "--json").stdout)


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("price", "z-imagge"), "there is no model 'z-imagge'", "Try: vigil models show z-image"),
        (("price", "z-image", "aspect_ratio=7:7"), "aspect_ratio is not offered", "Try: aspect_ratio=1:1"),
        (("show", "grok/imagine"), "grok/imagine is not sold", "Try: vigil models show grok-imagine/text-to-video"),
        (("list", "--category", "soup"), "argument --category", "Try: vigil models list --help"),
    ],
)
def test_a_wrong_question_ends_with_64_one_line_and_a_hint(
    home: Path, arguments: tuple[str, ...], said: str, hint: str
) -> None:
    """Standard output stays empty."""
    done = vigil(home, "models", *arguments)
    assert (done.returncode, done.stdout) == (64, "")
    first, second = done.stderr.splitlines()
    assert said in first
    assert second.startswith(hint)


def test_a_problem_of_the_catalogue_ends_with_1_and_a_line(home: Path) -> None:
    """A free model that does not exist would be charged for."""
    done = vigil(home, "models", "lint", FREE_MODELS="fable")
    assert (done.returncode, done.stdout) == (1, "fable: listed in FREE_MODELS and not on sale\n")
