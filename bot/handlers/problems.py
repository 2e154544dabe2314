"""What is wrong with an input, in words a user understands: the field is named, and what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot import texts
from bot.catalogue import Choice, Flag, InputProblem, Integer, Media, Model, Number, Text
from bot.catalogue.fields import FETCHABLE_BYTES
from bot.catalogue.inputs import MEGAPIXEL, Reason
from bot.texts import Phrases, labels

MEGABYTE: Final = 1_000_000
SHOWN_FOUND: Final = 40
"""Characters of what was found."""


def explain(phrases: Phrases, model: Model, problem: InputProblem) -> str:
    """Return the problem as HTML."""
    return _filled(phrases, model, problem, _template(phrases, model, problem))


def refusal(phrases: Phrases, problem: InputProblem) -> str:
    """Return the problem of a choice in a few plain words, to show over the chat."""
    found, limit = _found(phrases, problem), _limit(phrases, problem)
    field = labels.field(phrases, problem.field)
    return phrases.inputs.toast_not_sold.format(field=field, found=found, limit=limit)[:200]


def _template(phrases: Phrases, model: Model, problem: InputProblem) -> str:
    inputs, rule = phrases.inputs, model.inputs.get(problem.field)
    if problem.reason in {"wrong_type", "missing"}:
        match rule:
            case Text():
                return inputs.need_text
            case Integer() | Number():
                return inputs.need_number
            case Media(media=media):
                return inputs.need_file[media]
            case Choice() | Flag():
                return inputs.need_choice
    if problem.reason == "too_large" and problem.limit == FETCHABLE_BYTES:
        return inputs.too_large_to_fetch
    return inputs.problems[problem.reason]


def _filled(phrases: Phrases, model: Model, problem: InputProblem, template: str) -> str:
    rule = model.inputs.get(problem.field)
    low, high = (rule.min, rule.max) if isinstance(rule, Integer | Number) else (0, 0)
    return texts.fill(
        template,
        field=labels.field(phrases, problem.field),
        found=_found(phrases, problem),
        limit=_limit(phrases, problem),
        low=labels.number(phrases, low),
        high=labels.number(phrases, high),
    )


def _found(phrases: Phrases, problem: InputProblem) -> str:
    return _said(phrases, problem, problem.found)


def _limit(phrases: Phrases, problem: InputProblem) -> str:
    limit = problem.limit
    if problem.reason in {"too_short", "too_few"}:
        return str(limit)
    if problem.reason == "out_of_range" and isinstance(limit, tuple):
        return "–".join(labels.number(phrases, each) for each in limit)
    if isinstance(limit, tuple):
        return ", ".join(_said(phrases, problem, each) for each in limit)
    return _said(phrases, problem, limit)


def _said(phrases: Phrases, problem: InputProblem, found: object) -> str:
    if isinstance(found, int) and not isinstance(found, bool):
        return _measured(phrases, problem.reason, found)
    match problem.reason, found:
        case "wrong_medium", "image" | "audio" | "video":
            return phrases.inputs.media[found]
        case "wrong_format", str():
            return format_name(found)
        case _, bool() | Decimal() | str():
            return labels.value(phrases, problem.field, found)[:SHOWN_FOUND]
        case _:
            return ""


def _measured(phrases: Phrases, reason: Reason, found: int) -> str:
    match reason:
        case "too_short" | "too_long":
            return phrases.inputs.count("character", found)
        case "lasts_too_long":
            return labels.lasting(phrases, found)
        case "too_large":
            return megabytes(phrases, found)
        case "too_many_pixels":
            return phrases.inputs.megapixels.format(number=labels.number(phrases, _tenths(found, MEGAPIXEL)))
        case _:
            return labels.number(phrases, found)


def megabytes(phrases: Phrases, size: int) -> str:
    """Return a file's size: "20 MB", "0.3 MB"."""
    return phrases.inputs.megabytes.format(number=labels.number(phrases, _tenths(size, MEGABYTE)))


def format_name(mime: str) -> str:
    """Return what people call a form of file: JPEG, MP3."""
    known: Mapping[str, str] = {
        "audio/mpeg": "MP3",
        "audio/mp4": "M4A",
        "video/quicktime": "MOV",
        "video/x-matroska": "MKV",
    }
    return known.get(mime) or mime.partition("/")[2].removeprefix("x-").upper()


def _tenths(number: int, unit: int) -> Decimal:
    """Return it in units, rounded up to a tenth: what is over a limit never looks like the limit."""
    return Decimal(-(-number * 10 // unit)) / 10
