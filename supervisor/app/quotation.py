"""A quote asked for on the command line: `KEY=VALUE` read by the model's own rules, and said again in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from bot.catalogue import AnyInput, Choice, File, Flag, InputProblem, Integer, Media, Model, Number, Text, Value
from bot.catalogue.price import inputs_of

FLAGS: Final[Mapping[str, bool]] = {"true": True, "yes": True, "false": False, "no": False}
FILE: Final = re.compile(r"(?:(?P<seconds>\d{1,6})s)|(?:(?P<width>\d{1,6})x(?P<height>\d{1,6}))|file", re.ASCII)
SAID: Final[Mapping[str, str]] = {
    "unknown_field": "is no input of this model",
    "missing": "is missing",
    "wrong_type": "cannot be that",
    "too_short": "is too short",
    "too_long": "is too long",
    "not_offered": "is not offered",
    "out_of_range": "is out of range",
    "not_sold": "is not sold together with the others",
    "too_few": "needs more files",
    "too_many": "takes fewer files",
    "wrong_medium": "takes another medium",
    "wrong_format": "takes another format",
    "too_large": "is too large a file",
    "lasts_too_long": "lasts too long",
    "too_many_pixels": "is too large a picture",
    "unmeasured": "needs a measure, since the price depends on it",
}


def parse(model: Model, given: Iterable[str]) -> dict[str, object]:
    """Return what was typed, each as the type that its input has; what has none stays text, for `check` to refuse."""
    found: dict[str, object] = {}
    for each in given:
        name, equals, text = each.partition("=")
        rule = model.inputs.get(name)
        if not equals or rule is None or name in found:
            raise InputProblem(name, "unknown_field")
        found[name] = _typed(rule, text)
    return found


def complete(model: Model, given: Mapping[str, object]) -> dict[str, object]:
    """Return the inputs with stand-ins for what is required and does not change the price."""
    wanted = set(inputs_of(model.price))
    stand_ins = {
        name: stand_in
        for name, rule in model.inputs.items()
        if rule.required and name not in wanted and (stand_in := _stand_in(rule)) is not None
    }
    return {**stand_ins, **given}


def typed(value: object) -> str:
    """Return a value as it is typed on the command line."""
    if isinstance(value, tuple):
        return ",".join(_typed_file(file) for file in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def reason(problem: InputProblem) -> str:
    """Return what is wrong with an input, and what would be right where that is a short list."""
    limit = problem.limit
    right = (
        f"; sold are {', '.join(map(str, limit))}" if problem.reason == "not_sold" and isinstance(limit, tuple) else ""
    )
    return f"{problem.field} {SAID[problem.reason]}{right}"


def told(model: Model, name: str, value: Value) -> str:
    """Return what a price was computed from; of a text only how long it is."""
    return f"{len(str(value))} characters" if isinstance(model.inputs[name], Text) else typed(value)


def advice(model: Model, problem: InputProblem) -> str:
    """Return what would be right."""
    rule = model.inputs.get(problem.field)
    if rule is None:
        return f"KEY=VALUE with one of {', '.join(model.inputs)}"
    example = problem.limit[0] if problem.reason == "not_sold" and isinstance(problem.limit, tuple) else _example(rule)
    return f"{problem.field}={example} ({describe(rule)})"


def describe(rule: AnyInput) -> str:
    """Return what an input takes, as one line."""
    usual = "" if rule.default is None else f", {typed(rule.default)} if not given"
    match rule:
        case Text():
            return f"text of {rule.min_length} to {rule.max_length} characters{usual}"
        case Choice():
            return f"{' | '.join(rule.enum)}{usual}"
        case Integer():
            return f"a whole number, {rule.min} to {rule.max}{usual}"
        case Number():
            return f"a number, {rule.min} to {rule.max}{usual}"
        case Flag():
            return f"true | false{usual}"
        case Media():
            return _describe_files(rule)


def _example(rule: AnyInput) -> str:
    match rule:
        case Text():
            return "…"
        case Choice():
            return rule.enum[0]
        case Integer() | Number():
            return str(rule.min)
        case Flag():
            return "true"
        case Media():
            return "1024x768" if rule.media == "image" else "5s"


def _describe_files(rule: Media) -> str:
    count = f"{rule.media} file" if rule.max_count == 1 else f"{rule.min_count} to {rule.max_count} {rule.media} files"
    limits = [f"up to {rule.max_bytes / 1_000_000:g} MB"]
    if rule.max_seconds is not None:
        limits.append(f"{rule.max_seconds} s")
    if rule.max_megapixels is not None:
        limits.append(f"{rule.max_megapixels} megapixels")
    return f"{count}, {', '.join(limits)}; {', '.join(mime.partition('/')[2] for mime in rule.mimes)}"


def _typed(rule: AnyInput, text: str) -> object:
    match rule:
        case Flag():
            return FLAGS.get(text.lower(), text)
        case Integer() | Number() if len(text) < 20:  # noqa: PLR2004 - longer than any limit, and int() must not labour
            return _number(text)
        case Media():
            return _files(rule, text)
        case _:
            return text


def _number(text: str) -> Value:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else number


def _files(rule: Media, text: str) -> object:
    matches = [FILE.fullmatch(each) for each in text.split(",")]
    files = tuple(
        File(
            file_id=f"file {position}",
            media=rule.media,
            seconds=int(found["seconds"]) if found["seconds"] else None,
            width=int(found["width"]) if found["width"] else None,
            height=int(found["height"]) if found["height"] else None,
        )
        for position, found in enumerate(matches, 1)
        if found is not None
    )
    return files if len(files) == len(matches) else text


def _stand_in(rule: AnyInput) -> Value | None:
    match rule:
        case Text():
            return "x" * max(rule.min_length, 1)
        case Media():
            return (File("file", rule.media),) * rule.min_count
        case _:
            return None


def _typed_file(file: File) -> str:
    if file.seconds is not None:
        return f"{file.seconds}s"
    return "file" if file.width is None else f"{file.width}x{file.height}"
