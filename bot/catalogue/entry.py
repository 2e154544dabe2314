"""One model on sale: what it takes, what it costs, and where the price comes from.

Everything is checked when the file is read, so that a model that is loaded can be quoted, ordered and delivered. Input
names are the provider's wire names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from bot.catalogue import price as pricelist
from bot.catalogue.fields import Choice, Entry, Input, Line, Media, Text, WireName
from bot.catalogue.price import Price

Kind = Literal[
    "text-to-image",
    "image-to-image",
    "image-edit",
    "text-or-image-to-image",
    "outpaint",
    "image-upscale",
    "background-removal",
    "text-to-video",
    "image-to-video",
    "text-or-image-to-video",
    "video-to-video",
    "video-motion-transfer",
    "video-character-replace",
    "lip-sync",
    "speech-to-video",
    "video-upscale",
    "text-to-music",
    "text-to-sound",
    "text-to-speech",
    "speech-to-text",
    "audio-isolation",
]
Family = Literal["market", "veo", "suno", "runway", "gpt4o", "kontext"]
Modality = Literal["image", "video", "music", "speech"]
Category = Literal["image", "edit", "video", "animate", "audio", "enhance"]
Result = Literal["image", "video", "audio", "text"]
Slo = Literal["image", "audio", "video"]
Capability = Literal["lettering", "high_resolution", "references"]
"""What routing may ask for: readable words in the picture, 2K and more, pictures to go by."""

CATEGORIES: Final = get_args(Category)


@dataclass(frozen=True, slots=True)
class Nature:
    """What follows from a kind: how metrics count it, where the menu shows it, what comes out."""

    modality: Modality
    category: Category
    result: Result


KINDS: Final[Mapping[Kind, Nature]] = {
    "text-to-image": Nature("image", "image", "image"),
    "text-or-image-to-image": Nature("image", "image", "image"),
    "image-to-image": Nature("image", "edit", "image"),
    "image-edit": Nature("image", "edit", "image"),
    "outpaint": Nature("image", "edit", "image"),
    "image-upscale": Nature("image", "enhance", "image"),
    "background-removal": Nature("image", "enhance", "image"),
    "text-to-video": Nature("video", "video", "video"),
    "text-or-image-to-video": Nature("video", "video", "video"),
    "video-to-video": Nature("video", "video", "video"),
    "image-to-video": Nature("video", "animate", "video"),
    "video-motion-transfer": Nature("video", "animate", "video"),
    "video-character-replace": Nature("video", "animate", "video"),
    "lip-sync": Nature("video", "animate", "video"),
    "speech-to-video": Nature("video", "animate", "video"),
    "video-upscale": Nature("video", "enhance", "video"),
    "text-to-music": Nature("music", "audio", "audio"),
    "text-to-sound": Nature("music", "audio", "audio"),
    "text-to-speech": Nature("speech", "audio", "audio"),
    "speech-to-text": Nature("speech", "audio", "text"),
    "audio-isolation": Nature("speech", "audio", "audio"),
}


class Title(Entry):
    """A line in each language of the chat."""

    en: Line
    ru: Line


class Snapshot(Entry):
    """When and where the price was read."""

    date: Annotated[dt.date, Field(ge=dt.date(2024, 1, 1))]
    source: Line


class Model(Entry):
    """One model on sale; `fixed` is sent with every order and never asked for."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9./_-]*$", max_length=60)]
    title: Title
    about: Title
    kind: Kind
    family: Family = "market"
    wire_model: Line = ""
    inputs: Annotated[Mapping[WireName, Input], Field(min_length=1)]
    fixed: Mapping[WireName, str | bool | int] = {}
    price: Price
    capabilities: Annotated[tuple[Capability, ...], Field(strict=False)] = ()
    snapshot: Snapshot
    unverified: bool = False

    @model_validator(mode="before")
    @classmethod
    def _is_called_by_its_id(cls, given: object) -> object:
        if isinstance(given, dict) and "id" in given:
            return {"wire_model": given["id"], **given}
        return given

    @model_validator(mode="after")
    def _has_a_price_for_all_inputs(self) -> Self:
        if wrong := list(pricelist.problems(self.price, self.inputs)):
            raise ValueError("; ".join(wrong))
        if both := sorted(set(self.fixed) & set(self.inputs)):
            raise ValueError(f"{', '.join(both)}: fixed and asked for")
        return self

    @property
    def modality(self) -> Modality:
        """What comes out, as metrics count it."""
        return KINDS[self.kind].modality

    @property
    def category(self) -> Category:
        """Where the menu shows it."""
        return KINDS[self.kind].category

    @property
    def result(self) -> Result:
        """What the provider's results are."""
        return KINDS[self.kind].result

    @property
    def slo(self) -> Slo:
        """Which deadline it is held to."""
        return "audio" if self.result == "text" else self.result

    @property
    def choices(self) -> Mapping[str, Choice]:
        """The inputs that are asked for with buttons."""
        return {name: given for name, given in self.inputs.items() if isinstance(given, Choice)}

    @property
    def media(self) -> Mapping[str, Media]:
        """The inputs that are files."""
        return {name: given for name, given in self.inputs.items() if isinstance(given, Media)}

    @property
    def words(self) -> str | None:
        """The input that a user's own words go into, if there is one: `prompt`, or `text` for speech."""
        return next((name for name, given in self.inputs.items() if isinstance(given, Text)), None)
