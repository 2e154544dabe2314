"""The catalogue: what is shipped, and how mistakes in it are told."""

from __future__ import annotations

import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.catalogue import CatalogueError, Choice, Flat, Text, load

GOOD = """
models:
  - id: fox
    title: {en: Fox, ru: Лиса}
    kind: text-to-image
    family: market
    slo: image
    inputs:
      prompt: {type: string, required: true, max_length: 100}
      size: {type: enum, enum: [on, 16:9, "1:1"], default: 16:9}
      steps: {type: integer, min: 1, max: 9, default: 3}
      scale: {type: number, min: 0.1, max: 2.5, default: 1.1}
      sharp: {type: boolean, default: true}
    price: {rule: flat, credits: 0.8}
    snapshot: {date: 2026-01-13, source: a list}
"""


def _load(folder: Path, text: str, name: str = "a.yaml") -> Any:
    (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return load(folder)


def test_the_shipped_catalogue_sells_z_image() -> None:
    """0.8 credits, a prompt of up to 1000 characters, one of five shapes."""
    model = load().get("z-image")
    assert model is not None
    assert model.price == Flat(rule="flat", credits=Decimal("0.8"))
    prompt, shape = model.inputs["prompt"], model.inputs["aspect_ratio"]
    assert isinstance(prompt, Text)
    assert (prompt.required, prompt.max_length) == (True, 1000)
    assert isinstance(shape, Choice)
    assert (shape.enum, shape.default) == (("1:1", "4:3", "3:4", "16:9", "9:16"), "1:1")
    assert (model.modality, list(model.choices)) == ("image", ["aspect_ratio"])


def test_yaml_is_read_without_its_surprises(tmp_path: Path) -> None:
    """0.8 is exact, `on` is a word, 16:9 is no number in base sixty."""
    model = _load(tmp_path, GOOD).get("fox")
    assert model.price.credits == Decimal("0.8")
    assert isinstance(model.price.credits, Decimal)
    assert model.inputs["size"].enum == ("on", "16:9", "1:1")
    assert model.inputs["scale"].default == Decimal("1.1")
    assert model.inputs["sharp"].default is True


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("credits: 0.8", "credits: 0", "price.credits", "greater than 0"),
        ("credits: 0.8", "credits: 110000", "price.credits", "less than or equal"),
        ("credits: 0.8", "credits: many", "price.credits", "Decimal"),
        ("rule: flat, credits: 0.8", "credits: 0.8", "price.rule", "required"),
        ("rule: flat", "rule: guess", "price.rule", "flat"),
        ("type: integer, min: 1", "type: integer, min: 10", "inputs.steps", "above max"),
        ("default: 1.1", "default: 9.9", "inputs.scale", "outside"),
        ("default: 16:9", "default: 4:3", "inputs.size", "not among the choices"),
        ("enum: [on,", "enum: [16:9,", "inputs.size", "twice"),
        ("enum: [on,", "enum: [5,", "inputs.size", "string"),
        ("max_length: 100}", "max_length: 0}", "inputs.prompt", "greater than or equal"),
        ("max_length: 100}", "max_length: 100, min_length: 200}", "inputs.prompt", "above max_length"),
        ("max_length: 100}", "max_length: 3, default: long}", "inputs.prompt", "default"),
        ("max_length: 100}", "max_length: 100, colour: red}", "inputs.prompt", "Extra inputs"),
        ("type: string", "type: poem", "inputs.prompt", "poem"),
        ("prompt:", "my prompt:", "inputs.my prompt", "pattern"),
        ("kind: text-to-image", "kind: text-to-soup", "kind", "text-to-image"),
        ("id: fox", "id: a fox", "id", "pattern"),
        (", ru: Лиса", "", "title.ru", "required"),
        ("date: 2026-01-13", "date: 2020-01-13", "snapshot.date", "greater"),
        ("date: 2026-01-13", "date: yesterday", "snapshot.date", "date"),
    ],
)
def test_a_mistake_is_told_with_file_model_and_field(
    tmp_path: Path, old: str, new: str, place: str, words: str
) -> None:
    """Whoever adds a model finds the line."""
    assert old in GOOD
    with pytest.raises(CatalogueError) as told:
        _load(tmp_path, GOOD.replace(old, new, 1))
    assert len(told.value.problems) == 1
    assert told.value.problems[0].startswith("a.yaml: models[0]")
    assert place in told.value.problems[0]
    assert words in told.value.problems[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: [", "not YAML"),
        ("fox: 1", "expected a list of models"),
        ("- fox", "expected a list of models"),
        ("", "expected a list of models"),
        ("models: [5]", "valid dictionary"),
        ("models: []", "no models found"),
        ("models: []\nmodels: []", "a key stands twice"),
    ],
)
def test_a_file_that_is_no_catalogue_is_told(tmp_path: Path, text: str, words: str) -> None:
    """Not YAML, not a list, nothing in it, a key twice."""
    with pytest.raises(CatalogueError, match=words):
        _load(tmp_path, text)


def test_whole_numbers_are_exact_too(tmp_path: Path) -> None:
    """12 credits need no decimal point."""
    model = _load(tmp_path, GOOD.replace("credits: 0.8", "credits: 12").replace("max: 2.5", "max: 2")).get("fox")
    assert (model.price.credits, model.inputs["scale"].max) == (Decimal(12), Decimal(2))


def test_every_problem_is_told_at_once_and_ids_are_unique(tmp_path: Path) -> None:
    """Two files, two problems, one error."""
    (tmp_path / "b.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "c.yaml").write_text(GOOD.replace("credits: 0.8", "credits: 0"), encoding="utf-8")
    with pytest.raises(CatalogueError) as told:
        _load(tmp_path, GOOD)
    assert [problem.partition(":")[0] for problem in told.value.problems] == ["b.yaml", "c.yaml"]
    assert "fox is listed twice" in told.value.problems[0]
