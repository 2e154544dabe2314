"""One model on sale: what it takes, what it costs, and where the price comes from.

Everything is checked when the file is read, so that a model that is loaded can be quoted, ordered and delivered. Input
names are the provider's wire names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

Value = str | int | bool | Decimal
"""What an input may hold."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Exact = Annotated[Decimal, BeforeValidator(lambda given: Decimal(given) if type(given) is int else given)]
"""A number as it is written: `12` and `0.8`, never a float."""

WireName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]

MAX_CREDITS = Decimal(2000)
"""No single generation costs $10; entries that said so were scraping errors."""


Kind = Literal["text-to-image"]
MODALITIES: Mapping[Kind, Literal["image", "video", "music", "speech"]] = {"text-to-image": "image"}


class Entry(BaseModel):
    """A part of the catalogue: frozen, exact in its types, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Title(Entry):
    """The model's name in each language of the chat."""

    en: Line
    ru: Line


class Text(Entry):
    """Free text, counted in characters."""

    type: Literal["string"]
    required: bool = False
    min_length: Annotated[int, Field(ge=0)] = 1
    max_length: Annotated[int, Field(ge=1, le=100_000)]
    default: str | None = None

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError(f"min_length {self.min_length} is above max_length {self.max_length}")
        if self.default is not None and not self.min_length <= len(self.default) <= self.max_length:
            raise ValueError("the default is shorter or longer than the limits")
        return self


class Choice(Entry):
    """One of a closed list, shown as buttons."""

    type: Literal["enum"]
    required: bool = False
    enum: Annotated[tuple[Line, ...], Field(min_length=1, strict=False)]
    default: str | None = None

    @model_validator(mode="after")
    def _default_is_offered(self) -> Self:
        if len(set(self.enum)) != len(self.enum):
            raise ValueError("a choice appears twice")
        if self.default is not None and self.default not in self.enum:
            raise ValueError(f"the default {self.default!r} is not among the choices")
        return self


class Integer(Entry):
    """A whole number within limits."""

    type: Literal["integer"]
    required: bool = False
    min: int
    max: int
    default: int | None = None

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        _check_range(self)
        return self


class Number(Entry):
    """A decimal number within limits."""

    type: Literal["number"]
    required: bool = False
    min: Exact
    max: Exact
    default: Exact | None = None

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        _check_range(self)
        return self


class Flag(Entry):
    """Yes or no."""

    type: Literal["boolean"]
    required: bool = False
    default: bool | None = None


Input = Annotated[Text | Choice | Integer | Number | Flag, Field(discriminator="type")]


class Flat(Entry):
    """The same price whatever the inputs say."""

    rule: Literal["flat"]
    credits: Annotated[Exact, Field(gt=0, le=MAX_CREDITS)]


Price = Flat
"""What the provider takes, as a function of the inputs: a union tagged by `rule`; another rule is one more member."""


class Snapshot(Entry):
    """When and where the price was read."""

    date: Annotated[dt.date, Field(ge=dt.date(2024, 1, 1))]
    source: Line


class Model(Entry):
    """One model on sale."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9./_-]*$", max_length=60)]
    title: Title
    kind: Kind
    family: Literal["market"]
    slo: Literal["image", "audio", "video"]
    inputs: Annotated[Mapping[WireName, Input], Field(min_length=1)]
    price: Price
    snapshot: Snapshot
    unverified: bool = False

    @property
    def modality(self) -> Literal["image", "video", "music", "speech"]:
        """What comes out, as metrics count it."""
        return MODALITIES[self.kind]

    @property
    def choices(self) -> Mapping[str, Choice]:
        """The inputs that are asked for with buttons."""
        return {name: given for name, given in self.inputs.items() if isinstance(given, Choice)}


def _check_range(given: Integer | Number) -> None:
    if given.min > given.max:
        raise ValueError(f"min {given.min} is above max {given.max}")
    if given.default is not None and not given.min <= given.default <= given.max:
        raise ValueError(f"the default {given.default} is outside {given.min} to {given.max}")
