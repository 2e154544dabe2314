"""A whole order on the chat page of a real program: menu, card, a file by the paper clip, words, a price, the result."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot import texts
from bot.accounts import Language
from bot.catalogue import Model, load
from bot.sandbox.picture import draw
from bot.texts import Phrases, labels
from tests.browser.bot.sandbox.pages import PHONE, WIDE, Page
from tests.browser.bot.sandbox.test_page_files import loaded, pick

pytestmark = [pytest.mark.needs("chromium", "chromedriver"), pytest.mark.timeout(120)]

CATALOGUE = load()
EDIT, ANIMATE = CATALOGUE.models["google/nano-banana-edit"], CATALOGUE.models["hailuo/02-image-to-video-standard"]
SHOWN = {
    "image": (".theirs .picture img", "e.naturalWidth > 0"),
    "video": (".theirs video", "e.duration > 1 && e.videoWidth > 0"),
}
PLAYED = "(() => { const e = document.querySelector('.theirs video'); e.muted = true; e.play(); return true; })()"
LOOK: str | None = os.environ.get("VIGIL_TEST_PICTURES")
"""A folder for pictures of each step, to be looked at."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Who orders what, and what they look at."""

    model: Model
    language: Language
    chat: int
    size: tuple[int, int]
    scheme: str


DESK, PHONE_AT_NIGHT = Scene(EDIT, "en", 1001, WIDE, "light"), Scene(ANIMATE, "ru", 1002, PHONE, "dark")


@pytest.mark.parametrize("scene", [DESK, PHONE_AT_NIGHT], ids=["a-picture-on-a-desk", "a-film-on-a-phone-at-night"])
def test_a_person_orders_by_the_menu_and_is_shown_the_result(page: Page, tmp_path: Path, scene: Scene) -> None:
    """Nothing but what is seen on the page is used; nothing is cut off, and the film plays."""
    phrases, model = texts.of(scene.language), scene.model
    page.open(scene.size, scene.scheme, scene.chat)
    page.wait("#start").click()
    page.wait(".theirs .text", "/models")
    look(page, "hello")
    page.write("/models")
    page.wait(".key", phrases.cards.categories[model.category]).click()
    page.wait(".theirs .text", phrases.cards.category_hints[model.category])
    look(page, "category")
    turn_to(page, phrases, f"{labels.title(phrases, model)} · ").click()
    page.wait(".theirs .text", labels.about(phrases, model))
    look(page, "card")
    page.wait(".key", phrases.cards.button_create).click()
    page.wait(".theirs .text", labels.field(phrases, next(iter(model.inputs))))
    (tmp_path / "fox.jpg").write_bytes(draw("a fox", "16:9"))
    pick(page, str(tmp_path / "fox.jpg"))
    look(page, "attached")
    page.write("a red fox in snow")
    page.wait(".key", phrases.button_generate)
    look(page, "price")
    page.wait(".key", phrases.button_generate).click()
    loaded(page, *SHOWN[model.result])
    if model.result == "video":
        assert page.script(PLAYED)
        loaded(page, SHOWN["video"][0], "e.currentTime > 0.1")
    page.wait(".theirs .text", phrases.done.partition("{price}")[0].rpartition("\n")[2])
    look(page, "result")
    assert page.script("document.documentElement.scrollWidth") <= scene.size[0]


def turn_to(page: Page, phrases: Phrases, beginning: str) -> Any:
    """Turn the pages of a category until a button begins so, and return it."""
    for number in range(2, 10):
        found = [key for key in page.all(".key") if key.text.startswith(beginning)]
        if found:
            return found[0]
        page.wait(".key", phrases.cards.button_later).click()
        page.wait(".theirs .text", phrases.cards.page.partition("{pages}")[0].format(page=number))
    raise AssertionError(f"no page has {beginning!r}")


def look(page: Page, step: str) -> None:
    """Keep a picture of the page, where somebody wants to look at it."""
    if LOOK is not None:
        page.driver.save_screenshot(f"{LOOK}/{step}-{page.script('innerWidth')}.png")
