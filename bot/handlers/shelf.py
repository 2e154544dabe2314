"""The catalogue as the chat shows it: by category, cheapest first, found by the codes that buttons carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import switches, turn
from bot.catalogue import CATEGORIES, Catalogue, Category, Model
from bot.codes import MODEL_BYTES, code, find
from bot.ports import Health, HealthOf
from bot.pricing import Offer, offer


def unmeasured(_model_id: str) -> Health:
    """Return the health of a model that nobody has measured."""
    return Health()


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is on sale."""

    catalogue: Catalogue
    offers: Mapping[str, Offer]
    health_of: HealthOf

    def of(self, category: Category) -> Sequence[Model]:
        """Return the models of a category, cheapest first."""
        found = (model for model in self.catalogue if model.category == category)
        return sorted(found, key=lambda model: (self.offers[model.id].least, model.id))

    async def on_sale(self) -> Shelf:
        """Return the shelf without the models that are switched off now."""
        off = await switches.off(turn.current().connection)
        models = {model.id: model for model in self.catalogue if model.id not in off}
        return replace(self, catalogue=replace(self.catalogue, models=models)) if off else self

    @property
    def categories(self) -> Sequence[Category]:
        """The categories that have models, in the order of the menu."""
        return [each for each in CATEGORIES if self.of(each)]

    def find(self, written: str) -> Model | None:
        """Return the model that a button's code stands for; None when it is not on sale (any more)."""
        model_id = find(written, self.catalogue.models, MODEL_BYTES)
        return None if model_id is None else self.catalogue.get(model_id)


def stocked(catalogue: Catalogue, health_of: HealthOf = unmeasured) -> Shelf:
    """Return the shelf; raise ValueError when two models have the same code, so that a button could mean either."""
    codes = {code(model.id, MODEL_BYTES) for model in catalogue}
    if len(codes) != len(catalogue):
        raise ValueError("two models of the catalogue have the same code: their buttons would be the same")
    return Shelf(catalogue, {model.id: offer(model) for model in catalogue}, health_of)
