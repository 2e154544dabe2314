"""Writes docs/models.md: `python -m bot.catalogue.document > docs/models.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bot.catalogue.entry import CATEGORIES, Model
from bot.catalogue.loader import Catalogue, load
from bot.catalogue.price import Flat, Metered, Table, Unit

HEAD = """\
# Models and what they cost

Generated from `bot/catalogue/*.yaml` by `python -m bot.catalogue.document > docs/models.md`; a test holds it current.
Prices are in credits and exact for the inputs, rounded up to a tenth. A started second, minute or megapixel counts whole,
characters count exactly. *(unverified)*: no wire record of the model is at hand, so its input names rest on the price
list alone.
"""
UNITS: dict[Unit, str] = {
    "second": "second",
    "minute": "minute",
    "megapixel": "megapixel",
    "1000_characters": "1,000 characters",
}


def document(catalogue: Catalogue) -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_sold(catalogue), *_excluded(catalogue)]) + "\n"


def price_line(model: Model) -> str:
    """Return a price as one line: `5 (1K), 7 (2K)`, `6 (480p), 12.5 (720p) per second of video_url`."""
    match model.price:
        case Metered() as metered:
            amounts = ", ".join(f"{choice} is {amount}" for choice, amount in (metered.amounts or {}).items())
            counted = f" ({amounts})" if amounts else ""
            return f"{_rate_line(metered.rate)} per {UNITS[metered.unit]} of {metered.of}{counted}"
        case rate:
            return _rate_line(rate)


def _rate_line(rate: Flat | Table) -> str:
    if isinstance(rate, Flat):
        return f"{rate.credits}"
    return ", ".join(f"{credits_} ({_combination(rate, key)})" for key, credits_ in rate.credits.items())


def _combination(rate: Table, key: str) -> str:
    """Return a combination as it is said: a flag by its name, a choice by itself, a bare number with its name."""
    words = []
    for name, value in zip(rate.by, key.split(" "), strict=True):
        if value in {"true", "false"}:
            words.append(f"{'' if value == 'true' else 'no '}{name}")
        else:
            words.append(f"{name} {value}" if value.isdecimal() else value)
    return ", ".join(words)


def _sold(catalogue: Catalogue) -> Iterator[str]:
    for category in CATEGORIES:
        yield f"## {category.capitalize()}\n\n| model | | credits |\n|---|---|---|"
        for model in sorted(catalogue, key=lambda each: each.id):
            if model.category == category:
                mark = " *(unverified)*" if model.unverified else ""
                yield f"| `{model.id}` | **{model.title.en}**: {model.about.en}{mark} | {price_line(model)} |"
        yield ""


def _excluded(catalogue: Catalogue) -> Iterator[str]:
    yield "## Known and not sold\n\n| model | reason | |\n|---|---|---|"
    for name, exclusion in sorted(catalogue.excluded.items()):
        instead = f"; take `{exclusion.instead}`" if exclusion.instead else ""
        yield f"| `{name}` | {exclusion.reason.replace('_', ' ')} | {exclusion.why}{instead} |"


if __name__ == "__main__":
    sys.stdout.write(document(load()))
