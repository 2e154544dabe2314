"""What a catalogue must be beyond well formed: complete, agreeing with the provider's wire, and priced with sense.

The loader has proved already that every entry is whole, that every combination of choices has a price or is not sold, and
that no price is missing or zero. Pure: what is known from outside comes in as arguments.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from bot import pricing
from bot.catalogue.entry import Modality, Model
from bot.catalogue.facts import WireRecord
from bot.catalogue.fields import Choice, is_always_given
from bot.catalogue.loader import Catalogue
from bot.catalogue.price import Table, Unit, rate_of
from bot.ledger import MILLI

LEAST_MODELS: Final = 75
SAFETY: Final = frozenset({"nsfw_checker", "enable_safety_checker"})
"""Switches that stay on: sent with every order where the wire has them, and never asked for."""

OF_MODALITY: Final[Mapping[Modality, tuple[Decimal, Decimal]]] = {
    "image": (Decimal("0.3"), Decimal(60)),
    "video": (Decimal(5), Decimal(400)),
    "music": (Decimal("0.2"), Decimal(50)),
    "speech": (Decimal("0.2"), Decimal(50)),
}
OF_UNIT: Final[Mapping[Unit, tuple[Decimal, Decimal]]] = {
    "second": (Decimal("0.1"), Decimal(30)),
    "minute": (Decimal("0.5"), Decimal(30)),
    "megapixel": (Decimal("0.5"), Decimal(20)),
    "1000_characters": (Decimal("0.5"), Decimal(30)),
}
"""Credits between which a price makes sense at $0.005 each: $60 for a video is an error of whoever read the list."""

FAR: Final = 3
"""A price that is so many times above or below the known one was read wrongly."""

CYRILLIC: Final = re.compile("[а-яё]", re.IGNORECASE)


def lint(
    catalogue: Catalogue,
    known: Mapping[str, Decimal | None],
    records: Mapping[str, WireRecord],
    *,
    today: dt.date,
    free: Iterable[str] = (),
    least: int = LEAST_MODELS,
) -> list[str]:
    """Return every problem as one line that begins with the model; an empty list sells."""
    found = [*_complete(catalogue, known, least), *_free(catalogue, free)]
    for model in catalogue:
        rules = (
            _priced_with_sense(model, known.get(model.id)),
            _speaks_the_wire(model, records.get(model.wire_model)),
            _is_safe(model, records.get(model.wire_model)),
            _can_be_read(model),
            _is_of_one_piece(model, catalogue, today),
        )
        found += [f"{model.id}: {problem}" for rule in rules for problem in rule]
    return found


def _complete(catalogue: Catalogue, known: Mapping[str, Decimal | None], least: int) -> Iterator[str]:
    if len(catalogue) < least:
        yield f"catalogue: {len(catalogue)} models, at least {least} are promised"
    for name in known:
        if name not in catalogue.models and name not in catalogue.excluded:
            yield f"{name}: neither on sale nor in excluded.yaml with its reason"
    for name, exclusion in catalogue.excluded.items():
        if name in catalogue.models:
            yield f"{name}: on sale although excluded.yaml says {exclusion.reason}: {exclusion.why}"
        if exclusion.instead is not None and exclusion.instead not in catalogue.models:
            yield f"{name}: excluded in favour of {exclusion.instead}, which is not on sale"


def _free(catalogue: Catalogue, free: Iterable[str]) -> Iterator[str]:
    for name in free:
        if name not in catalogue.models:
            yield f"{name}: listed in FREE_MODELS and not on sale"


def _priced_with_sense(model: Model, known: Decimal | None) -> Iterator[str]:
    offer = pricing.offer(model)
    lowest, highest = Decimal(offer.lowest) / MILLI, Decimal(offer.highest) / MILLI
    least, most = OF_MODALITY[model.modality] if offer.unit is None else OF_UNIT[offer.unit]
    if lowest < least or highest > most:
        unit = offer.unit or model.modality
        yield f"{lowest} to {highest} credits for a {unit} makes no sense; expected {least} to {most}"
    if known is not None and not known / FAR <= lowest <= known * FAR:
        yield f"{lowest} credits, although its price is known to be about {known}"


def _speaks_the_wire(model: Model, record: WireRecord | None) -> Iterator[str]:
    if record is None or model.family != "market":
        if not model.unverified:
            yield f"no wire record of {model.wire_model}: the entry must say unverified: true"
        return
    if model.unverified:
        yield "unverified: true, although there is a wire record to check against"
    if unknown := sorted({*model.inputs, *model.fixed} - record.fields):
        yield f"the wire of {model.wire_model} has no {', '.join(unknown)}"
    given = {name for name, rule in model.inputs.items() if is_always_given(rule)} | set(model.fixed)
    if lacking := sorted(record.required - given):
        yield f"the wire of {model.wire_model} requires {', '.join(lacking)}"


def _is_safe(model: Model, record: WireRecord | None) -> Iterator[str]:
    switches = SAFETY & (record.fields if record else frozenset())
    for name in sorted(switches | (SAFETY & {*model.inputs, *model.fixed})):
        if model.fixed.get(name) is not True:
            yield f"{name} must be fixed to true: safety switches stay on"


def _can_be_read(model: Model) -> Iterator[str]:
    if not CYRILLIC.search(model.about.ru) or CYRILLIC.search(model.about.en + model.title.en):
        yield "about and title need Russian under ru and English under en"


def _is_of_one_piece(model: Model, catalogue: Catalogue, today: dt.date) -> Iterator[str]:
    if model.snapshot.date > today:
        yield f"its price was read on {model.snapshot.date}, which is to come"
    if "references" in model.capabilities and not any(rule.media == "image" for rule in model.media.values()):
        yield "references are claimed, no input takes a picture"
    rate = rate_of(model.price)
    usual = {name: rule.default for name, rule in model.inputs.items() if rule.default is not None}
    if isinstance(rate, Table) and set(rate.by) <= set(usual) and rate.key(usual) in rate.not_sold:
        yield f"its defaults together, {rate.key(usual)!r}, are not sold"
    withdrawn = catalogue.excluded.get(model.wire_model)
    if withdrawn is not None and withdrawn.reason != "alias":
        yield f"it is {model.wire_model} on the wire, which is excluded: {withdrawn.reason}"
    if not any(isinstance(rule, Choice) or is_always_given(rule) for rule in model.inputs.values()):
        yield "nothing has to be given: an empty order would be paid for"
