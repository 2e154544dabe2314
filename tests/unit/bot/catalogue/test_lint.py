"""The lint: the shipped catalogue passes, and each rule refuses a catalogue that breaks it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from bot.catalogue import Catalogue, Model, load
from bot.catalogue.excluded import Exclusion
from bot.catalogue.facts import WireRecord, known_models, wire_records
from bot.catalogue.lint import LEAST_MODELS, SAFETY, lint

TODAY = dt.date(2026, 11, 24)
SHIPPED = load()
BEST: Mapping[str, str] = {"duration": "10", "resolution": "1080P"}
KNOWN = known_models()
RECORDS = wire_records()


def found(
    catalogue: Catalogue, *, known: Mapping[str, Decimal | None] = KNOWN, free: tuple[str, ...] = ()
) -> list[str]:
    return lint(catalogue, known, RECORDS, today=TODAY, free=free)


def changed(name: str, edit: Callable[[dict[str, Any]], object]) -> Catalogue:
    """Return the shipped catalogue with one entry edited."""
    entry = SHIPPED.models[name].model_dump()
    edit(entry)
    return Catalogue({**SHIPPED.models, name: Model.model_validate(entry)}, SHIPPED.excluded)


def test_the_shipped_catalogue_is_right() -> None:
    """Nothing to correct; more models than are promised."""
    assert found(SHIPPED) == []
    assert len(SHIPPED) >= LEAST_MODELS


def test_every_known_model_is_sold_or_excluded_with_its_reason() -> None:
    """All 98 that the lists ever named; nothing that is unpriced or withdrawn is on sale."""
    assert len(KNOWN) == 98
    assert set(KNOWN) == set(SHIPPED.models) | set(SHIPPED.excluded)
    assert not set(SHIPPED.models) & set(SHIPPED.excluded)
    assert {name for name, credits_ in KNOWN.items() if credits_ is None} <= set(SHIPPED.excluded)


def test_the_records_are_read() -> None:
    """Required and optional fields apart; a model whose fields nobody recorded has no record."""
    assert RECORDS["z-image"] == WireRecord(frozenset({"prompt", "aspect_ratio"}), frozenset({"nsfw_checker"}))
    assert len(RECORDS) > 120
    assert "pixverse-v6/extend" not in RECORDS
    assert (KNOWN["z-image"], KNOWN["sora-2-characters"]) == (Decimal("0.8"), None)


def test_a_model_that_is_neither_sold_nor_excluded_is_found() -> None:
    """Whoever drops a model says why."""
    sold = {name: model for name, model in SHIPPED.models.items() if name != "recraft/crisp-upscale"}
    assert found(Catalogue(sold, SHIPPED.excluded)) == [
        "recraft/crisp-upscale: neither on sale nor in excluded.yaml with its reason"
    ]


def test_too_few_models_are_found() -> None:
    """The promise is 75."""
    few = dict(list(SHIPPED.models.items())[:74])
    assert found(Catalogue(few, SHIPPED.excluded), known={})[0] == "catalogue: 74 models, at least 75 are promised"


def test_an_excluded_model_cannot_be_on_sale() -> None:
    """Neither under its own name nor under another's, whose order would reach it."""
    exclusion = Exclusion(id="z-image", reason="withdrawn", why="gone")
    both = Catalogue(SHIPPED.models, {**SHIPPED.excluded, "z-image": exclusion})
    assert "z-image: on sale although excluded.yaml says withdrawn: gone" in found(both)
    under_another = changed("z-image", lambda entry: entry.update(wire_model="sora-2-text-to-video"))
    assert "z-image: it is sora-2-text-to-video on the wire, which is excluded: withdrawn" in found(under_another)


def test_an_alias_of_nothing_is_found() -> None:
    """What is to be taken instead is on sale."""
    exclusion = Exclusion(id="grok/imagine", reason="alias", instead="grok", why="a page")
    assert found(Catalogue(SHIPPED.models, {**SHIPPED.excluded, "grok/imagine": exclusion})) == [
        "grok/imagine: excluded in favour of grok, which is not on sale"
    ]


def test_free_models_are_models() -> None:
    """A misspelt one would be charged for."""
    assert found(SHIPPED, free=("z-image",)) == []
    assert found(SHIPPED, free=("z_image",)) == ["z_image: listed in FREE_MODELS and not on sale"]


def flat(credits_: str) -> Callable[[dict[str, Any]], object]:
    return lambda entry: entry.update(price={"rule": "flat", "credits": Decimal(credits_)})


def rate(credits_: str) -> Callable[[dict[str, Any]], object]:
    return lambda entry: entry["price"].update(rate={"rule": "flat", "credits": Decimal(credits_)})


@pytest.mark.parametrize(
    ("name", "edit", "words"),
    [
        ("bytedance/v1-lite-image-to-video", flat("401"), "makes no sense"),
        ("google/imagen4-fast", flat("2000"), "makes no sense"),
        ("V4", flat("51"), "makes no sense"),
        ("recraft/crisp-upscale", flat("0.2"), "makes no sense"),
        ("kling/v1-avatar-standard", rate("31"), "a second makes no sense"),
        ("elevenlabs/text-to-speech-turbo-2-5", rate("31"), "a 1000_characters makes no sense"),
        ("qwen/image-to-image", rate("0.4"), "a megapixel makes no sense"),
        ("elevenlabs/speech-to-text", rate("31"), "a minute makes no sense"),
        ("google/imagen4", flat("25"), "known to be about 8"),
        ("google/imagen4", flat("2.6"), "known to be about 8"),
    ],
)
def test_a_price_without_sense_is_found(name: str, edit: Callable[[dict[str, Any]], object], words: str) -> None:
    """Far from what a credit buys, or from the price that is known: the predecessor sold at $10 to $110."""
    problems = found(changed(name, edit))
    assert any(each.startswith(f"{name}: ") and words in each for each in problems), problems


def rename(old: str, new: str) -> Callable[[dict[str, Any]], object]:
    def edit(entry: dict[str, Any]) -> None:
        entry["inputs"] = {new if name == old else name: rule for name, rule in entry["inputs"].items()}

    return edit


def optional(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda entry: entry["inputs"][name].update(required=False, default=None)


@pytest.mark.parametrize(
    ("name", "edit", "problem"),
    [
        ("z-image", rename("aspect_ratio", "ratio"), "the wire of z-image has no ratio"),
        ("z-image", rename("aspect_ratio", "ratio"), "the wire of z-image requires aspect_ratio"),
        ("z-image", optional("aspect_ratio"), "the wire of z-image requires aspect_ratio"),
        ("z-image", lambda entry: entry["fixed"].update(seed=1), "the wire of z-image has no seed"),
        ("kling/v1-avatar-standard", lambda entry: entry.update(wire_model="kling/v1"), "no wire record of kling/v1"),
        ("z-image", lambda entry: entry.update(unverified=True), "there is a wire record"),
        ("V4", lambda entry: entry.update(unverified=False), "no wire record of V4"),
        ("z-image", lambda entry: entry.update(family="veo"), "no wire record of z-image"),
        ("z-image", lambda entry: entry.update(fixed={}), "nsfw_checker must be fixed to true"),
        ("z-image", lambda entry: entry["fixed"].update(nsfw_checker=False), "nsfw_checker must be fixed to true"),
        (
            "V4",
            lambda entry: entry["inputs"].update(enable_safety_checker={"type": "boolean"}),
            "enable_safety_checker must be fixed to true",
        ),
        ("z-image", lambda entry: entry["about"].update(ru="Pictures"), "need Russian under ru"),
        ("z-image", lambda entry: entry["about"].update(en="Картинки"), "English under en"),
        ("z-image", lambda entry: entry["snapshot"].update(date=dt.date(2027, 1, 1)), "which is to come"),
        ("z-image", lambda entry: entry.update(capabilities=["references"]), "no input takes a picture"),
        (
            "hailuo/2-3-image-to-video-pro",
            lambda entry: [entry["inputs"][name].update(default=each) for name, each in BEST.items()],
            "its defaults together, '10 1080P', are not sold",
        ),
        (
            "grok-imagine/image-to-image",
            lambda entry: entry["inputs"]["image_urls"].update(required=False),
            "nothing has to be given",
        ),
    ],
)
def test_an_entry_that_breaks_a_rule_is_found(
    name: str, edit: Callable[[dict[str, Any]], object], problem: str
) -> None:
    """Input names are those of the wire, safety switches stay on, both languages are there, defaults are sold."""
    problems = found(changed(name, edit))
    assert any(each.startswith(f"{name}: ") and problem in each for each in problems), problems


def test_every_safety_switch_of_the_wire_is_sent_on() -> None:
    """And nobody is asked whether it should be."""
    switched: Mapping[str, frozenset[str]] = {
        model.id: SAFETY & RECORDS[model.wire_model].fields for model in SHIPPED if model.wire_model in RECORDS
    }
    assert sum(map(bool, switched.values())) > 30
    for name, switches in switched.items():
        model = SHIPPED.models[name]
        assert all(model.fixed[each] is True for each in switches)
        assert not SAFETY & set(model.inputs)
