"""The inputs a model may take: each rule says what is accepted, and is itself checked when the catalogue is read."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from bot.catalogue.file import Medium

Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Exact = Annotated[Decimal, BeforeValidator(lambda given: Decimal(given) if type(given) is int else given)]
"""A number as it is written: `12` and `0.8`, never a float."""

WireName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]

FETCHABLE_BYTES: Final = 20_000_000
"""A bot can fetch no larger file from Telegram."""

MAX_BYTES: Final[Mapping[Medium, int]] = {"image": 10_000_000, "audio": 10_000_000, "video": FETCHABLE_BYTES}
MIMES: Final[Mapping[Medium, tuple[str, ...]]] = {
    "image": ("image/jpeg", "image/png", "image/webp"),
    "audio": ("audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/wav", "audio/x-wav"),
    "video": ("video/mp4", "video/quicktime", "video/x-matroska"),
}
"""What the provider takes of each medium where its documentation says nothing narrower."""


class Entry(BaseModel):
    """A part of the catalogue: frozen, exact in its types, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


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
    """One of a closed list, shown as buttons; `wire: integer` sends the digits as a number."""

    type: Literal["enum"]
    required: bool = False
    enum: Annotated[tuple[Line, ...], Field(min_length=1, strict=False)]
    default: str | None = None
    wire: Literal["string", "integer"] = "string"

    @model_validator(mode="after")
    def _default_is_offered(self) -> Self:
        if len(set(self.enum)) != len(self.enum):
            raise ValueError("a choice appears twice")
        if self.default is not None and self.default not in self.enum:
            raise ValueError(f"the default {self.default!r} is not among the choices")
        if self.wire == "integer" and not all(each.isdecimal() for each in self.enum):
            raise ValueError("wire: integer needs choices that are whole numbers")
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


class Media(Entry):
    """A user's files; the wire takes a list of addresses with `many`, else a single one."""

    type: Literal["media"]
    media: Medium
    required: bool = False
    min_count: Annotated[int, Field(ge=1)] = 1
    max_count: Annotated[int, Field(ge=1, le=16)] = 1
    many: bool = False
    max_bytes: Annotated[int, Field(gt=0, le=FETCHABLE_BYTES)] = FETCHABLE_BYTES
    mimes: Annotated[tuple[Line, ...], Field(min_length=1, strict=False)] = ()
    max_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    max_megapixels: Annotated[int, Field(ge=1, le=64)] | None = None
    default: None = None

    @property
    def is_measured(self) -> bool:
        """Whether a file has to be measured once it is here: what Telegram tells of it is what its sender told."""
        return self.max_seconds is not None or self.max_megapixels is not None

    @model_validator(mode="before")
    @classmethod
    def _usual_limits(cls, given: object) -> object:
        medium: Any = given.get("media") if isinstance(given, dict) else None
        if not isinstance(given, dict) or medium not in MIMES:
            return given
        return {"max_bytes": MAX_BYTES[medium], "mimes": MIMES[medium], **given}

    @model_validator(mode="after")
    def _counts_and_limits_fit(self) -> Self:
        if self.min_count > self.max_count:
            raise ValueError(f"min_count {self.min_count} is above max_count {self.max_count}")
        if self.max_count > 1 and not self.many:
            raise ValueError("several files need many: true, since the wire takes a single address without it")
        if not all(each.startswith(f"{self.media}/") for each in self.mimes):
            raise ValueError(f"mimes name another medium than {self.media}")
        if self.max_seconds is not None and self.media == "image":
            raise ValueError("a picture lasts no seconds")
        if self.max_megapixels is not None and self.media != "image":
            raise ValueError("max_megapixels is for pictures")
        return self


Input = Annotated[Text | Choice | Integer | Number | Flag | Media, Field(discriminator="type")]
AnyInput = Text | Choice | Integer | Number | Flag | Media


def is_always_given(rule: AnyInput) -> bool:
    """Tell whether complete inputs hold this one for certain: a price may then depend on it."""
    return rule.required or rule.default is not None


def _check_range(given: Integer | Number) -> None:
    if given.min > given.max:
        raise ValueError(f"min {given.min} is above max {given.max}")
    if given.default is not None and not given.min <= given.default <= given.max:
        raise ValueError(f"the default {given.default} is outside {given.min} to {given.max}")
