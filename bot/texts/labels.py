"""What the catalogue's names and a user's inputs are called in the chat: plain text, to be filled into phrases."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot.catalogue import Choice, Medium, Model, Value
from bot.texts.counts import Noun
from bot.texts.phrases import Phrases

IN_SECONDS: Final = frozenset({"duration", "duration_seconds", "n_frames", "extend_times"})
"""Inputs that are lengths in seconds, whatever the provider calls them."""
NOUNS: Final[Mapping[Medium, Noun]] = {"image": "photo", "audio": "audio", "video": "video"}
LONGEST_WORDS: Final = 1_500
"""Telegram takes messages of 4096 characters; prompts may be five times as long."""
MINUTE: Final = 60
LONGEST: Final = 60
"""Characters of a text that stands beside others."""


def title(phrases: Phrases, model: Model) -> str:
    """Return the model's name."""
    return model.title.ru if phrases.language == "ru" else model.title.en


def about(phrases: Phrases, model: Model) -> str:
    """Return what the model does."""
    return model.about.ru if phrases.language == "ru" else model.about.en


def field(phrases: Phrases, name: str) -> str:
    """Return what an input is called; its wire name made readable where nobody has named it."""
    return phrases.inputs.fields.get(name) or name.replace("_", " ").capitalize()


def choice(phrases: Phrases, name: str, written: str) -> str:
    """Return what one of an input's choices is called."""
    if name in IN_SECONDS and written.isdecimal():
        return phrases.inputs.seconds.format(number=written)
    return phrases.inputs.values.get(written, written)


def value(phrases: Phrases, name: str, given: Value) -> str:
    """Return a value as the user may read it; a long text is cut."""
    match given:
        case bool():
            return phrases.inputs.yes if given else phrases.inputs.no
        case tuple():
            return phrases.inputs.count(NOUNS[given[0].media], len(given)) if given else phrases.inputs.unset
        case int() | Decimal():
            return choice(phrases, name, str(given)) if isinstance(given, int) else number(phrases, given)
        case _ if len(given) > LONGEST:
            return given[: LONGEST - 1].rstrip() + "…"
        case _:
            return choice(phrases, name, given)


def lasting(phrases: Phrases, seconds: int) -> str:
    """Return how long something lasts: "15 s", "10 min"."""
    if seconds and seconds % MINUTE == 0:
        return phrases.inputs.minutes.format(number=seconds // MINUTE)
    return phrases.inputs.seconds.format(number=seconds)


def number(phrases: Phrases, given: int | Decimal) -> str:
    """Return a number with the language's own point."""
    written = format(given.normalize(), "f") if isinstance(given, Decimal) else str(given)
    return written.replace(".", ",") if phrases.language == "ru" else written


def words(phrases: Phrases, model: Model, inputs: Mapping[str, Value]) -> str:
    """Return what the user asked for: the words, else the files; never nothing."""
    said = inputs.get(model.words or "")
    if isinstance(said, str) and said:
        return said if len(said) <= LONGEST_WORDS else f"{said[:LONGEST_WORDS]}…"
    files = [value(phrases, name, inputs[name]) for name in model.media if name in inputs]
    return ", ".join(files) or title(phrases, model)


def details(phrases: Phrases, model: Model, inputs: Mapping[str, Value]) -> str:
    """Return what was chosen, as it may stand under a result."""
    chosen = [
        value(phrases, name, inputs[name])
        for name, rule in model.inputs.items()
        if name in inputs and isinstance(rule, Choice)
    ]
    return ", ".join(chosen)


def needed(phrases: Phrases, model: Model) -> str:
    """Return what a user must bring: "photos, description, length"."""
    asked = [field(phrases, name) for name, rule in model.inputs.items() if rule.required and rule.default is None]
    return ", ".join(each.lower() for each in asked)
