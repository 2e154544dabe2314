"""The catalogue: what is shipped, and how mistakes in it are told."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.catalogue import CatalogueError, Choice, Flat, Text, load, loader

GOOD = """
models:
  - id: fox
    title: {en: Fox, ru: Лиса}
    about: {en: Draws a fox, ru: Рисует лису}
    kind: text-to-image
    inputs:
      prompt: {type: string, required: true, max_length: 100}
      size: {type: enum, enum: [on, 16:9, "1:1"], default: 16:9}
      steps: {type: integer, min: 1, max: 9, default: 3}
      scale: {type: number, min: 0.1, max: 2.5, default: 1.1}
      sharp: {type: boolean, default: true}
      clip: {type: media, media: video, max_seconds: 9}
      calm: {type: boolean}
    price: {rule: flat, credits: 0.8}
    snapshot: {date: 2026-01-13, source: a list}
"""

FLAT = "{rule: flat, credits: 0.8}"


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
        ("credits: 0.8", "credits: 0", "price.flat.credits", "greater than 0"),
        ("credits: 0.8", "credits: 110000", "price.flat.credits", "less than or equal"),
        ("credits: 0.8", "credits: many", "price.flat.credits", "Decimal"),
        ("rule: flat, credits: 0.8", "credits: 0.8", "price", "rule"),
        ("rule: flat", "rule: guess", "price", "flat"),
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
        ("    about: {en: Draws a fox, ru: Рисует лису}\n", "", "about", "required"),
        (FLAT, "{rule: table, by: [size], credits: {on: 1, 16:9: 2}}", "entry", "'1:1' needs credits"),
        (FLAT, "{rule: table, by: [size], credits: {on: 1, 16:9: 2, 1:1: 0}}", "price.table.credits.1:1", "greater"),
        (
            FLAT,
            "{rule: table, by: [size], credits: {on: 1, 16:9: 2, 1:1: 1, 4:3: 1}}",
            "entry",
            "'4:3' is no combination",
        ),
        (FLAT, "{rule: table, by: [size], credits: {on: 1, 16:9: 2, 1:1: 1}, not_sold: [on]}", "entry", "it has 2"),
        (FLAT, "{rule: table, by: [mode], credits: {on: 1}}", "entry", "mode, which is no choice"),
        (FLAT, "{rule: table, by: [prompt], credits: {on: 1}}", "entry", "prompt, which is no choice"),
        (FLAT, "{rule: table, by: [calm], credits: {'true': 1, 'false': 2}}", "entry", "calm, which is neither"),
        (
            FLAT,
            "{rule: per_1000_characters, of: prompt, rate: {rule: flat, credits: 1}, minimum: 0}",
            "minimum",
            "equal",
        ),
        (FLAT, "{rule: table, by: [], credits: {on: 1}}", "price.table.by", "at least 1"),
        (FLAT, "{rule: per_second, of: steps, rate: {rule: guess}}", "price.per_second.rate", "guess"),
        (FLAT, "{rule: per_second, of: sharp, rate: {rule: flat, credits: 1}}", "entry", "cannot be counted"),
        (FLAT, "{rule: per_second, of: length, rate: {rule: flat, credits: 1}}", "entry", "no input that is always"),
        (FLAT, "{rule: per_second, of: clip, rate: {rule: flat, credits: 1}}", "entry", "no input that is always"),
        (FLAT, "{rule: per_megapixel, of: size, amounts: {on: 1}, rate: {rule: flat, credits: 1}}", "entry", "amounts"),
        (FLAT, "{rule: per_second, of: size, rate: {rule: flat, credits: 1}}", "entry", "cannot be counted"),
        ("    price:", "    fixed: {sharp: true}\n    price:", "entry", "sharp: fixed and asked for"),
        ("media: video", "media: smell", "inputs.clip", "video"),
        ("max_seconds: 9", "max_seconds: 0", "inputs.clip", "greater than or equal"),
        ("max_seconds: 9", "max_count: 2", "inputs.clip", "many: true"),
        ("max_seconds: 9", "min_count: 2", "inputs.clip", "above max_count"),
        ("max_seconds: 9", "mimes: [image/png]", "inputs.clip", "another medium"),
        ("max_seconds: 9", "max_bytes: 20000001", "inputs.clip", "less than or equal"),
        ("media: video, max_seconds: 9", "media: image, max_seconds: 9", "inputs.clip", "no seconds"),
        ("max_seconds: 9", "max_megapixels: 9", "inputs.clip", "for pictures"),
        ("enum: [on,", "wire: integer, enum: [on,", "inputs.size", "whole numbers"),
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


def test_a_text_that_is_paid_for_by_its_length_is_never_empty(tmp_path: Path) -> None:
    """Nothing said would be spoken for nothing."""
    metered = GOOD.replace(FLAT, "{rule: per_1000_characters, of: prompt, rate: {rule: flat, credits: 6}}")
    assert _load(tmp_path, metered).get("fox").price.unit == "1000_characters"
    with pytest.raises(CatalogueError, match="prompt cannot be counted"):
        _load(tmp_path, metered.replace("max_length: 100", "max_length: 100, min_length: 0"))


def test_an_id_stands_once_in_a_file(tmp_path: Path) -> None:
    """Whichever came last would be sold at its price."""
    twice = GOOD + GOOD.partition("models:\n")[2]
    with pytest.raises(CatalogueError, match=r"models\[1\] \(fox\): id: fox is listed twice"):
        _load(tmp_path, twice)


def test_a_catalogue_lists_what_is_not_sold_and_why(tmp_path: Path) -> None:
    """An alias names what it stands for; a mistake there is told like every other."""
    listed = """
    excluded:
      - {id: wolf, reason: alias, instead: fox, why: the same animal}
      - {id: hen, reason: unpriced, why: nobody knows}
    """
    (tmp_path / "excluded.yaml").write_text(textwrap.dedent(listed), encoding="utf-8")
    found = _load(tmp_path, GOOD)
    assert {name: each.reason for name, each in found.excluded.items()} == {"wolf": "alias", "hen": "unpriced"}
    for wrong in (", instead: fox", ", reason: alias", ", why: the same animal"):
        (tmp_path / "excluded.yaml").write_text(textwrap.dedent(listed.replace(wrong, "")), encoding="utf-8")
        with pytest.raises(CatalogueError, match=r"excluded.yaml: excluded\[0\] \(wolf\)"):
            load(tmp_path)


def test_what_follows_from_an_entry_is_not_written_into_it(tmp_path: Path) -> None:
    """The name on the wire, the deadline, the menu's category, the usual limits of a file."""
    model = _load(tmp_path, GOOD).get("fox")
    assert (model.wire_model, model.family, model.slo, model.result, model.category) == (
        "fox",
        "market",
        "image",
        "image",
        "image",
    )
    assert (model.media["clip"].max_bytes, model.media["clip"].mimes[0]) == (20_000_000, "video/mp4")
    assert model.words == "prompt"


def test_without_libyaml_the_same_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation whose PyYAML has no C reader sells at the same prices, with the same refusals."""
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    spec = importlib.util.spec_from_file_location("slower", loader.__file__)
    assert spec is not None
    assert spec.loader is not None
    slower = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "slower", slower)
    spec.loader.exec_module(slower)
    (tmp_path / "odd.yaml").write_text(GOOD.replace("enum: [on,", "enum: [on, 007, 1e3, yes, 0x10,"), encoding="utf-8")
    quick, slow = load(tmp_path).models["fox"], slower.load(tmp_path).models["fox"]
    assert slow == quick
    assert slow.inputs["size"].enum[:5] == ("on", "007", "1e3", "yes", "0x10")
    (tmp_path / "odd.yaml").write_text("models: []\nmodels: []", encoding="utf-8")
    with pytest.raises(slower.CatalogueError, match="a key stands twice"):
        slower.load(tmp_path)
