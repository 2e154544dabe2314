"""What a fetched file really is, held against what its price was told from and what its model takes.

Telegram tells a recording's length as its sender told it. A file that is longer than that, or than the model takes, or
that cannot be measured where it must be, goes no further: nothing is ordered, nothing charged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bot import pricing
from bot.catalogue import File, Media, Model, Value
from bot.catalogue.inputs import MEGAPIXEL
from bot.catalogue.price import Metered
from bot.probe import Measures

SLACK_SECONDS: Final = 0.25
"""Telegram tells whole seconds, the rest is cut off; encoders add a few frames that nobody hears."""


def objection(model: Model, inputs: Mapping[str, Value], field: str, found: Measures) -> str | None:
    """Return why a file of these measures is not what was agreed on: a code, the field, what was found; None if it is."""
    rule, given = model.inputs[field], inputs.get(field)
    if not isinstance(rule, Media) or not isinstance(given, tuple):
        return None
    if rule.max_megapixels is not None:
        measured, too_much, costs_more = found.pixels, "file_too_many_pixels", "file_larger"
        is_too_much = found.pixels > rule.max_megapixels * MEGAPIXEL
        really = tuple(replace(file, width=found.width, height=found.height) for file in given)
    elif rule.max_seconds is not None:
        measured, too_much, costs_more = math.ceil(found.seconds), "file_too_long", "file_longer"
        seconds = max(1, math.floor(found.seconds - SLACK_SECONDS))
        is_too_much = seconds > rule.max_seconds
        really = tuple(replace(file, seconds=seconds) for file in given)
    else:
        return None
    if not measured:
        return f"file_unmeasured {field}"
    if is_too_much:
        return f"{too_much} {field} {measured}"
    return f"{costs_more} {field} {measured}" if _costs_more(model, inputs, field, really) else None


def _costs_more(model: Model, inputs: Mapping[str, Value], field: str, really: tuple[File, ...]) -> bool:
    if not isinstance(model.price, Metered) or model.price.of != field:
        return False
    return pricing.price(model, {**inputs, field: really}) > pricing.price(model, inputs)
