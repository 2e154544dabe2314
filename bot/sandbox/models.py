"""The provider's models: what each takes on its wire, what comes out, and what the provider charges for it.

Read from `wires.txt`, which knows nothing of the bot's catalogue. The charge is what the price lists say for these
inputs; what is paid by the second of a file that does not tell its length counts as five seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from bot.sandbox.fields import Field, Medium

WIRES: Final = Path(__file__).with_name("wires.txt")
USUAL: Final[Mapping[Medium, float]] = {"image": 4.0, "video": 40.0, "audio": 6.0, "text": 3.5}
"""What a model costs whose price is not known here."""

USUAL_SECONDS: Final = 5.0
USUAL_RATE: Final = 16
SIMPLE_PROMPT: Final = 500
"""What Suno takes outside of its custom mode."""

_DECIMAL: Final = re.compile(r"\d{1,4}(\.\d{1,6})?")
RATIOS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("16:9", "21:9", "landscape", "landscape_16_9", "landscape_21_9"), "16:9"),
    **dict.fromkeys(("4:3", "3:2", "5:4", "landscape_4_3", "landscape_3_2"), "4:3"),
    **dict.fromkeys(("3:4", "2:3", "4:5", "portrait_4_3", "portrait_3_2"), "3:4"),
    **dict.fromkeys(("9:16", "portrait", "portrait_16_9"), "9:16"),
}
"""The shapes that are drawn; any other is a square."""


@dataclass(frozen=True, slots=True)
class Price:
    """Credits for each unit, where the inputs are these."""

    when: Mapping[str, str]
    credits: float


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a family."""

    family: str
    id: str
    medium: Medium
    prices: tuple[Price, ...]
    unit: str
    fields: Mapping[str, Field]

    def price(self, given: Mapping[str, Any], seconds: float = 0.0) -> float:
        """Return what the provider charges for a task with these inputs, whose longest file lasts so long."""
        for price in self.prices:
            if all(str(given.get(name)) == value for name, value in price.when.items()):
                return round(price.credits * self._units(given, seconds), 3)
        return USUAL[self.medium]

    def _units(self, given: Mapping[str, Any], seconds: float) -> float:
        match self.unit:
            case "s":
                return _told(given) or seconds or USUAL_SECONDS
            case "min":
                return (seconds or USUAL_SECONDS) / 60
            case "kc":
                return len(str(given.get("text") or "")) / 1000
            case _:
                return 1.0


def problem(family: str, model_id: object, given: object) -> str:
    """Return what is wrong with a task in the provider's manner, naming the field; empty when nothing is."""
    if not isinstance(model_id, str) or not model_id:
        return "model is required"
    model = MODELS.get((family, model_id))
    if model is None:
        return f"The model name you specified is not supported: {model_id}. Please verify it and try again."
    if not isinstance(given, dict):
        return "input is required"
    for name, field in model.fields.items():
        if text := field.problem(given.get(name)):
            return f"{name} {text}"
    unknown = next((name for name in given if model.fields and name not in model.fields), None)
    return f"{unknown} is not an input of {model_id}" if unknown else _together(family, given)


def prompt_of(model: Model, given: Mapping[str, Any]) -> str:
    """Return the words a result is made from."""
    return str(given.get("prompt") or given.get("text") or model.id)


def shape_of(given: Mapping[str, Any]) -> str:
    """Return the shape in which a result is drawn."""
    names = ("aspect_ratio", "aspectRatio", "image_size", "size")
    return next((RATIOS.get(str(given[name]), "1:1") for name in names if given.get(name)), "1:1")


def count_of(model: Model, given: Mapping[str, Any]) -> int:
    """Return how many results a task has."""
    if model.family == "suno":
        return 2
    names = ("num_images", "max_images", "nVariants", "n")
    asked = next((str(given[name]) for name in names if given.get(name)), "1")
    return min(max(int(asked), 1), 6) if asked.isascii() and asked.isdigit() and len(asked) < 3 else 1  # noqa: PLR2004 - no hundreds


def _told(given: Mapping[str, Any]) -> float:
    """Return how long the result is to be, by the inputs; 0 when they do not say."""
    found = (str(given.get(name) or "") for name in ("duration_seconds", "duration", "n_frames"))
    if told := next((each for each in found if _DECIMAL.fullmatch(each)), ""):
        return float(told)
    frames, rate = given.get("num_frames"), given.get("frames_per_second") or USUAL_RATE
    return frames / rate if isinstance(frames, int) and isinstance(rate, int) else 0.0


def _together(family: str, given: Mapping[str, Any]) -> str:
    """Return what is wrong with inputs that are fine one by one."""
    if family == "suno" and given["customMode"]:
        return next((f"{name} is required in custom mode" for name in ("style", "title") if not given.get(name)), "")
    if family == "suno" and not 0 < len(str(given.get("prompt") or "")) <= SIMPLE_PROMPT:
        return f"prompt is required, of at most {SIMPLE_PROMPT} characters"
    if family == "runway" and (str(given["duration"]), given["quality"]) == ("10", "1080p"):
        return "quality 1080p is for 5 seconds only"
    return ""


def _read(family: str, model_id: str, medium: str, prices: str, fields: str) -> Model:
    known: Mapping[str, Medium] = {each: each for each in get_args(Medium)}
    base, *points = prices.split() or [""]
    amount, _, unit = base.partition("/")
    listed = [_point(point) for point in points] + ([Price({}, float(amount))] if amount else [])
    read = (_field(field) for field in fields.split())
    return Model(family, model_id, known[medium], tuple(listed), unit, {field.name: field for field in read})


def _point(text: str) -> Price:
    when, _, amount = text.rpartition(":")
    return Price(dict(each.split("=", 1) for each in when.split("&")), float(amount))


def _field(text: str) -> Field:
    name, _, check = text.partition("=")
    return Field(name.rstrip("*"), name.endswith("*"), check)


def _load() -> Mapping[tuple[str, str], Model]:
    family, found = "", {}
    for line in WIRES.read_text("utf-8").splitlines():
        if line.startswith("["):
            family = line.strip("[]")
        elif line and not line.startswith("#"):
            model = _read(family, *(part.strip() for part in line.split("|")))
            found[family, model.id] = model
    return found


MODELS: Final = _load()
"""Every model, by family and name; read at once, for a file is not to be read while requests are served."""
