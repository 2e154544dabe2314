"""Price rules: what the provider takes, as a function of the inputs. Data only; bot/pricing.py computes with it.

    flat                    credits
    table                   credits of each combination of the inputs in `by`, or it is not sold
    per_second and others   `rate` (flat or table) × how much of the input `of`

A table names every combination: with its credits, or under `not_sold`. A forgotten one is an error when the catalogue is
read, never a free generation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from bot.catalogue.fields import AnyInput, Choice, Entry, Exact, Flag, Integer, Media, Number, Text, WireName
from bot.catalogue.fields import is_always_given as given_always
from bot.catalogue.file import Value

MAX_CREDITS = Decimal(2000)
"""No single generation costs $10; entries that said so were scraping errors."""

Credits = Annotated[Exact, Field(gt=0, le=MAX_CREDITS)]
Unit = Literal["second", "minute", "megapixel", "1000_characters"]


class Flat(Entry):
    """The same whatever the inputs say."""

    rule: Literal["flat"]
    credits: Credits


class Table(Entry):
    """A number for each combination of choices and flags, written with spaces in the order of `by`: `720p 5: 16`."""

    rule: Literal["table"]
    by: Annotated[tuple[WireName, ...], Field(min_length=1, max_length=3, strict=False)]
    credits: Annotated[Mapping[str, Credits], Field(min_length=1)]
    not_sold: Annotated[tuple[str, ...], Field(strict=False)] = ()

    def key(self, inputs: Mapping[str, Value]) -> str:
        """Return the combination that these complete inputs make."""
        return " ".join(word(inputs[name]) for name in self.by)


Rate = Annotated[Flat | Table, Field(discriminator="rule")]


class Metered(Entry):
    """So much for each started unit of one input, at least `minimum` units; characters count exactly, in thousandths.

    `of` is a number of seconds, a file that lasts so long, a picture, or a text; `amounts` says how much each choice is.
    """

    rule: Literal["per_second", "per_minute", "per_megapixel", "per_1000_characters"]
    of: WireName
    rate: Rate
    minimum: Annotated[int, Field(ge=1)] = 1
    amounts: Mapping[str, Annotated[Exact, Field(gt=0)]] | None = None

    @property
    def unit(self) -> Unit:
        """What is counted."""
        unit: Unit = self.rule.removeprefix("per_")  # type: ignore[assignment]  # the rules are named for the units
        return unit


Price = Annotated[Flat | Table | Metered, Field(discriminator="rule")]


def rate_of(price: Flat | Table | Metered) -> Flat | Table:
    """Return the part of a price that choices decide."""
    return price.rate if isinstance(price, Metered) else price


def inputs_of(price: Flat | Table | Metered) -> tuple[str, ...]:
    """Return the names of the inputs that a price depends on."""
    rate = rate_of(price)
    by = rate.by if isinstance(rate, Table) else ()
    return (*by, price.of) if isinstance(price, Metered) else by


def problems(price: Flat | Table | Metered, inputs: Mapping[str, AnyInput]) -> Iterator[str]:
    """Yield what keeps a price from being a function of these inputs, defined for all of them."""
    rate = rate_of(price)
    if isinstance(rate, Table):
        yield from _table_problems(rate, inputs)
    if isinstance(price, Metered):
        yield from _metered_problems(price, inputs.get(price.of))


def combinations(by: tuple[str, ...], inputs: Mapping[str, AnyInput]) -> Iterator[tuple[str, ...]]:
    """Yield every combination of the named choices and flags, in their order."""
    return product(*(_words(inputs[name]) for name in by))


def _table_problems(table: Table, inputs: Mapping[str, AnyInput]) -> Iterator[str]:
    for name in table.by:
        rule = inputs.get(name)
        if not isinstance(rule, Choice | Flag):
            yield f"the price asks for {name}, which is no choice and no flag of this model"
            return
        if not given_always(rule):
            yield f"the price asks for {name}, which is neither required nor has a default"
    wanted = [" ".join(each) for each in combinations(table.by, inputs)]
    told = [*table.credits, *table.not_sold]
    for key in wanted:
        if told.count(key) != 1:
            yield f"{key!r} needs credits, or a place under not_sold; it has {told.count(key) or 'neither'}"
    for key in told:
        if key not in wanted:
            yield f"{key!r} is no combination of {', '.join(table.by)}"


def _metered_problems(price: Metered, rule: AnyInput | None) -> Iterator[str]:
    if rule is None or not given_always(rule):
        yield f"the price counts {price.of}, which is no input that is always given"
    elif price.amounts is not None:
        if not isinstance(rule, Choice) or set(price.amounts) != set(rule.enum):
            yield f"amounts must name each choice of {price.of}, and nothing else"
    elif not _countable(price.unit, rule):
        yield f"{price.of} cannot be counted in units of {price.unit}, or has no upper limit to it"


def _countable(unit: Unit, rule: AnyInput) -> bool:
    match unit, rule:
        case "second" | "minute", Choice(enum=enum):
            return all(each.isdecimal() and int(each) > 0 for each in enum)
        case "second" | "minute", Integer() | Number():
            return rule.min > 0
        case "second" | "minute", Media(max_count=1, max_seconds=int()):
            return True
        case "megapixel", Media(media="image", max_count=1, max_megapixels=int()):
            return True
        case "1000_characters", Text():
            return rule.min_length > 0
        case _:
            return False


def _words(rule: AnyInput) -> tuple[str, ...]:
    return rule.enum if isinstance(rule, Choice) else ("false", "true")


def word(value: Value) -> str:
    """Return a choice or a flag as a table names it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
