"""What a mutant is: a rule that is broken in one place, and the smallest part of the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One exact replacement."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule that is broken, and the tests that must fail for it."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def broken(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    """Return the mutant of one edit."""
    return Mutant(name, (Edit(file, old, new),), tests)
