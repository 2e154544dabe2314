"""What docs/commands.md promises to programs, and what the command line offers."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from bot.sandbox.faults import Faults
from supervisor.app.say import FIELDS
from supervisor.check import Check
from supervisor.cli import parser
from supervisor.health import ChildHealth, ModelHealth, Status

DOCUMENT = (Path(__file__).parents[4] / "docs" / "commands.md").read_text(encoding="utf-8")
WRITES_ONLY = {"run", "db serve", "sandbox serve"}
"""They answer nothing that a program could read."""


def leaves(root: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [action for action in root._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(words), root
    for group in groups:
        for name, inner in group.choices.items():
            yield from leaves(inner, (*words, name))


def test_every_command_that_answers_something_takes_json() -> None:
    """Programs read no tables."""
    without = {name for name, leaf in leaves(parser()) if "--json" not in leaf._option_string_actions}
    assert without <= WRITES_ONLY | {"dashboards export"}


def test_every_command_is_in_the_document() -> None:
    """Also those that answer nothing a program could read: it says so of them."""
    spoken = " ".join(re.findall(r"`([^`]+)`", DOCUMENT))
    assert [name for name, _ in leaves(parser()) if not re.search(rf"\b{name}\b", spoken)] == []


def test_the_documented_fields_of_the_sandbox_are_all_there() -> None:
    """Of `say`, a message a line, and of `faults`."""
    said = DOCUMENT.partition("`sandbox say` shows")[2].partition("\n\n")[0]
    assert {*FIELDS, "edited", "earlier"} <= set(re.findall(r"`([a-z_]+)`", said))
    (row,) = [line for line in DOCUMENT.splitlines() if line.startswith("| `sandbox faults`")]
    assert set(Faults().describe()[0]) <= set(re.findall(r"`([a-z_]+)`", row))


def test_the_documented_fields_of_the_status_are_all_there() -> None:
    """A field that is renamed breaks somebody's script."""
    documented = set(re.findall(r"`([a-z0-9_]+)`", DOCUMENT.partition("`status`: ")[2].partition("##")[0]))
    shown = {field.name for kind in (Status, ChildHealth, ModelHealth) for field in fields(kind)} | {"status", "ready"}
    assert documented == shown


def test_the_documented_fields_of_a_check_are_all_there() -> None:
    """The same of `doctor` and `smoke`."""
    (row,) = [line for line in DOCUMENT.splitlines() if line.startswith("| `doctor`")]
    assert {field.name for field in fields(Check)} <= set(re.findall(r"`([a-z_]+)`", row.partition("`checks`")[2]))
