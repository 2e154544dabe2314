"""Which model is taken for whom: examples on the real catalogue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import pricing
from bot.breaker import Breaker
from bot.catalogue import Category, File, check, load
from bot.health import Standing, Standings
from bot.routing import ALIKE, OF_A_PICTURE, SMALL, Request, Route, route, substitute, translated

CATALOGUE = load()
PHOTO = (File("photo", "image", size=100, mime="image/jpeg", width=512, height=512),)
OPEN = Standing(breaker=Breaker(opened_at=0.0))


def routed(request: Request, standings: Standings | None = None) -> Route:
    """Return the way of a request that there is one for."""
    found = route(request, CATALOGUE, standings or {}, 1.0)
    assert found is not None
    return found


def test_a_few_words_go_to_the_cheapest() -> None:
    """The whole price list is for those who ask."""
    found = routed(Request("a red fox"))
    assert (found.model.id, found.price, found.reason) == ("z-image", 800, "cheapest")


def test_many_words_go_a_tier_up_unless_the_best_price_is_asked_for() -> None:
    """Who writes three hundred characters wants them read."""
    words = "a" * (SMALL + 1)
    assert routed(Request(words[1:])).model.id == "z-image"
    long = routed(Request(words))
    assert long.reason == "long"
    assert long.price >= 2_000
    best = routed(Request(words, best_price=True))
    assert (best.model.id, best.reason, best.requested) == ("z-image", "cheapest", "best_price")


@pytest.mark.parametrize("category", ALIKE)
def test_the_best_price_of_a_category_is_that_of_its_cheapest_model(category: Category) -> None:
    """Among those that need nothing but the words, and the photo where there is one."""
    pictures = PHOTO if category in OF_A_PICTURE else ()
    found = routed(Request("a red fox", pictures, best_price=True, category=category))
    assert found.model.category == category
    assert (found.requested, found.reason) == ("best_price", "cheapest")
    alone = [replace(CATALOGUE, models={model.id: model}) for model in CATALOGUE if model.category == category]
    request = Request("a red fox", pictures, best_price=True, category=category)
    others = [each for each in (route(request, one, {}, 1.0) for one in alone) if each is not None]
    assert len(others) > 1
    assert found.price == min(each.price for each in others)


@pytest.mark.parametrize(
    ("words", "reason", "capability"),
    [
        ('a shop sign "OPEN 24"', "lettering", "lettering"),
        ("лиса с надписью ПРИВЕТ", "lettering", "lettering"),
        ("a poster with the text hello", "lettering", "lettering"),
        ("a fox, 4k", "resolution", "high_resolution"),
        ("лиса в высоком разрешении", "resolution", "high_resolution"),
    ],
)
def test_what_the_words_demand_is_met(words: str, reason: str, capability: str) -> None:
    """A capability of the model's entry, and the reason told."""
    found = routed(Request(words))
    assert found.reason == reason
    assert capability in found.model.capabilities


@pytest.mark.parametrize("words", ["it's the dog's bone and the cat's", "a context of textures", "a 14 k run"])
def test_ordinary_words_demand_nothing(words: str) -> None:
    """Apostrophes are no quotes, and textures no text."""
    assert routed(Request(words)).model.id == "z-image"


def test_a_larger_picture_is_asked_for_where_the_words_do() -> None:
    """The price is that of the larger one."""
    found = routed(Request("a fox for print"))
    assert "2K" in found.inputs.values()
    assert found.price == pricing.price(found.model, check(found.model, found.inputs))


def test_a_photo_goes_to_a_model_that_edits_by_words() -> None:
    """With its words, or before them: they are not made up."""
    found = routed(Request("make it night", PHOTO))
    assert (found.model.kind, found.reason, found.requested) == ("image-edit", "references", "photo")
    assert PHOTO in found.inputs.values()
    assert "strength" not in found.model.inputs, "another picture like it is no edit"
    assert found.model.words not in routed(Request("", PHOTO)).inputs


def test_an_unhealthy_model_is_passed_by_and_it_is_said_so() -> None:
    """The next cheapest; and nothing, when none is healthy."""
    found = routed(Request("a red fox"), {"z-image": OPEN})
    assert (found.price, found.reason) == (3_500, "unhealthy")
    assert route(Request("a red fox"), CATALOGUE, dict.fromkeys(CATALOGUE.models, OPEN), 1.0) is None


def test_the_upper_tier_failing_is_no_reason_to_sell_nothing() -> None:
    """A cheaper model draws many words too."""
    upper = {model.id: OPEN for model in CATALOGUE if model.id != "z-image"}
    found = routed(Request("a" * 301), upper)
    assert (found.model.id, found.reason) == ("z-image", "unhealthy")


def test_another_model_takes_over_for_no_more() -> None:
    """The nearest in price, not one that was tried; none for what is the cheapest already."""
    model = CATALOGUE.models["qwen/text-to-image"]
    inputs = check(model, {"prompt": "a fox"})
    first = substitute(model, inputs, 4_000, catalogue=CATALOGUE, standings={}, now=1.0)
    assert first is not None
    assert first.price <= 4_000
    assert first.reason == "fallback"
    second = substitute(model, inputs, 4_000, catalogue=CATALOGUE, standings={}, now=1.0, tried=[first.model.id])
    assert second is not None
    assert second.model.id not in {first.model.id, model.id}
    cheapest = CATALOGUE.models["z-image"]
    given = check(cheapest, {"prompt": "a fox"})
    assert substitute(cheapest, given, 800, catalogue=CATALOGUE, standings={}, now=1.0) is None


def test_a_model_that_measures_files_takes_over_nobody_else_s() -> None:
    """They are with the provider by then, and were measured for the first model, if at all."""
    model = CATALOGUE.models["google/nano-banana-edit"]
    inputs = check(model, {"prompt": "a fox", "image_urls": PHOTO})
    first = substitute(model, inputs, 100_000, catalogue=CATALOGUE, standings={}, now=1.0)
    assert first is not None
    name = next(name for name in first.model.media if name in first.inputs)
    strict = first.model.media[name].model_copy(update={"max_megapixels": 4})
    other = first.model.model_copy(update={"inputs": {**first.model.inputs, name: strict}})
    catalogue = replace(CATALOGUE, models={model.id: model, other.id: other})
    assert substitute(model, inputs, 100_000, catalogue=catalogue, standings={}, now=1.0) is None


def test_a_setting_that_was_chosen_is_kept_or_nobody_takes_over() -> None:
    """A default is nobody's choice."""
    model, other = CATALOGUE.models["google/imagen4-fast"], CATALOGUE.models["z-image"]
    wide = check(model, {"prompt": "a fox", "aspect_ratio": "16:9"})
    assert (translated(model, wide, other) or {})["aspect_ratio"] == "16:9"
    without = check(model, {"prompt": "a fox", "negative_prompt": "dogs"})
    assert translated(model, without, other) is None
