"""Which model is taken when nobody has chosen one: what routing says of the models on sale, as they stand now.

The usual ones are what the help tells of, and who says what is wrong with words or a photo that nobody takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot import pricing, routing
from bot.catalogue import Catalogue, Category, File, Media, Model, Text
from bot.routing import OF_A_PICTURE, Request, Route
from bot.vitals import Vitals

PLAIN_TEXT_MODEL: Final = "z-image"
"""What plain words are drawn with."""
EDIT_MODEL: Final = "google/nano-banana-edit"
"""What a photo with a caption is edited with, while it is on sale."""


@dataclass(frozen=True, slots=True)
class Automatic:
    """Finds the way of what somebody sent; it is `away` when models could do it, and none of them is well."""

    vitals: Vitals

    def route(self, catalogue: Catalogue, request: Request) -> Route | None:
        """Return the model for it, with its inputs; None when there is none now."""
        return routing.route(request, catalogue, self.vitals.standings, self.vitals.now)

    def is_away(self, catalogue: Catalogue, request: Request) -> bool:
        """Whether it is only for their health that there is none."""
        return routing.route(request, catalogue, {}, self.vitals.now) is not None


def request_for(words: str, file: File | None = None, category: Category | None = None) -> Request:
    """Return what is asked for; in a category it is the best price."""
    return Request(words, () if file is None else (file,), category is not None, category)


def usual(catalogue: Catalogue, category: Category | None, file: File | None = None) -> Model | None:
    """Return the model that says what is wrong with what no model takes; None when there is none for such a thing."""
    if category is None:
        return for_words(catalogue) if file is None else for_photo(catalogue)
    anything = File("", "image") if category in OF_A_PICTURE else None
    found = routing.route(request_for("", anything, category), catalogue, {}, 0.0)
    return None if found is None else found.model


def for_words(catalogue: Catalogue) -> Model:
    """Return the model that draws plain words."""
    return catalogue.models[PLAIN_TEXT_MODEL]


def for_photo(catalogue: Catalogue) -> Model | None:
    """Return the model that edits a photo as its caption says: the usual one, else the cheapest; None without any."""
    usual = catalogue.get(EDIT_MODEL)
    if usual is not None:
        return usual
    return min(filter(_edits, catalogue), key=lambda model: (pricing.offer(model).least, model.id), default=None)


def _edits(model: Model) -> bool:
    """Whether a photo and words are all it needs."""
    asked = [rule for rule in model.inputs.values() if rule.required and rule.default is None]
    photos = [rule for rule in asked if isinstance(rule, Media) and rule.media == "image" and rule.min_count == 1]
    return model.category == "edit" and len(photos) == 1 and len(asked) == 1 + any(isinstance(r, Text) for r in asked)
