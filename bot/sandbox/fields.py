"""One input of a model on the wire: whether a value fits it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Medium = Literal["image", "video", "audio", "text"]

_RANGE: Final = re.compile(r"(-?[\d.]+)\.\.(-?[\d.]+)")
_MANY: Final = re.compile(r"(_urls|Urls|filesUrl|image_input|image_references|video_list)$")
_ONE: Final = re.compile(r"(_url|Url|^image|inputImage)$")
_VIDEO: Final = re.compile(r"video|clip", re.IGNORECASE)
_AUDIO: Final = re.compile(r"audio|voice", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Field:
    """An input: its wire name, whether it must be there, and what it may be, as `wires.txt` writes it."""

    name: str
    required: bool
    check: str

    @property
    def form(self) -> Literal["url", "urls", ""]:
        """Whether it is the address of a file, of several, or no address."""
        if self.check in ("url", "urls"):
            return "url" if self.check == "url" else "urls"
        if self.check:
            return ""
        return "urls" if _MANY.search(self.name) else "url" if _ONE.search(self.name) else ""

    @property
    def medium(self) -> Medium:
        """What kind of file the address should lead to."""
        return "video" if _VIDEO.search(self.name) else "audio" if _AUDIO.search(self.name) else "image"

    def problem(self, value: object) -> str:
        """Return what is wrong with the value; empty when nothing is."""
        if value is None or value in ("", []):
            return "is required" if self.required else ""
        if self.form == "url":
            return "" if isinstance(value, str) else "must be one address"
        if self.form == "urls":
            is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
            return "" if is_list else "must be a list of addresses"
        return _unlike(self.check, value)

    def addresses(self, value: object) -> list[str]:
        """Return the addresses in a value without problems."""
        if not self.form or not value:
            return []
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _too_long(value: object, most: int) -> str:
    if not isinstance(value, str):
        return "must be text"
    if not value.strip():
        return "is required"
    return "" if len(value) <= most else f"must be at most {most} characters"


def _outside(value: object, low: float, high: float) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "must be a number"
    return "" if low <= value <= high else f"must be between {low:g} and {high:g}"


_KINDS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "": (lambda _: True, ""),
    "bool": (lambda value: isinstance(value, bool), "must be true or false"),
    "str": (lambda value: isinstance(value, str), "must be text"),
    "int": (lambda value: type(value) is int, "must be a whole number"),
    "num": (_is_number, "must be a number"),
}


def _unlike(check: str, value: object) -> str:
    if check in _KINDS:
        fits, words = _KINDS[check]
        return "" if fits(value) else words
    if check.startswith("<="):
        return _too_long(value, int(check[2:]))
    if found := _RANGE.fullmatch(check):
        return _outside(value, float(found[1]), float(found[2]))
    known = check.split(",")
    is_known = not isinstance(value, bool) and str(value) in known
    return "" if is_known else f"is not within the range of allowed options: {', '.join(known)}"
