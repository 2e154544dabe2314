"""The provider's models and what each accepts: pure; another model is one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.sandbox.picture import SIZES

Check = Callable[[object], str]
MAX_PROMPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Model:
    """What a task costs in credits, and its required inputs with the check of each."""

    credits: float
    inputs: Mapping[str, Check]


def _prompt(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        return "is required"
    return "" if len(value) <= MAX_PROMPT else f"must be at most {MAX_PROMPT} characters"


def _aspect_ratio(value: object) -> str:
    if value is None or value == "":
        return "is required"
    return "" if value in SIZES else f"is not within the range of allowed options: {', '.join(SIZES)}"


MODELS: Final = {"z-image": Model(0.8, {"prompt": _prompt, "aspect_ratio": _aspect_ratio})}


def problem(model: object, given: object) -> str:
    """Return what is wrong with a task in the provider's manner, naming the field; empty when nothing is."""
    if not isinstance(model, str) or not model:
        return "model is required"
    if model not in MODELS:
        return f"The model name you specified is not supported: {model}. Please verify it and try again."
    if not isinstance(given, dict):
        return "input is required"
    return next(
        (f"{name} {text}" for name, check in MODELS[model].inputs.items() if (text := check(given.get(name)))), ""
    )


def first_words(given: dict[str, Any]) -> tuple[str, str]:
    """Return prompt and aspect ratio of a valid input."""
    return str(given["prompt"]), str(given["aspect_ratio"])
