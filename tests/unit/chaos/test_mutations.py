"""The mutants still fit the sources they break: `make mutants` takes minutes, this takes none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.mutations import MUTANTS
from tests.chaos.mutations.mutant import Mutant

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_every_edit_has_exactly_one_place_and_every_test_a_file(mutant: Mutant) -> None:
    """Whoever changes one of these lines changes tests/chaos/mutations, too."""
    text = {edit.file: (ROOT / edit.file).read_text(encoding="utf-8") for edit in mutant.edits}
    for edit in mutant.edits:
        assert text[edit.file].count(edit.old) == 1, edit
        text[edit.file] = text[edit.file].replace(edit.old, edit.new)
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert name.partition("[")[0] in (ROOT / path).read_text(encoding="utf-8")


def test_every_mutant_has_a_name_of_its_own() -> None:
    """The names choose mutants on the command line."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) > 150
