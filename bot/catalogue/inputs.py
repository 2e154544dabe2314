"""Checks a request against its model before anything is held: the field is named, the reason can be told to a user."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from bot.catalogue.entry import Model
from bot.catalogue.fields import AnyInput, Choice, Flag, Integer, Media, Number, Text
from bot.catalogue.file import File, Value
from bot.catalogue.price import Metered, Table, rate_of, word

MEGAPIXEL = 1024 * 1024
"""The provider's unit: its own 1024 × 1024 is one."""

Reason = Literal[
    "unknown_field",
    "missing",
    "wrong_type",
    "too_short",
    "too_long",
    "not_offered",
    "out_of_range",
    "not_sold",
    "too_few",
    "too_many",
    "wrong_medium",
    "wrong_format",
    "too_large",
    "lasts_too_long",
    "too_many_pixels",
    "unmeasured",
]
"""`not_sold` is a choice that exists, but not together with the others; `limit` holds those that are. `unmeasured` is a
file whose length or size in pixels Telegram did not tell, where the price depends on it."""


class InputProblem(ValueError):
    """An input that the model does not take."""

    def __init__(self, field: str, reason: Reason, *, found: object = None, limit: object = None) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason: Reason = reason
        self.found = found
        self.limit = limit


def check(model: Model, given: Mapping[str, object]) -> dict[str, Value]:
    """Return the complete inputs, defaults filled in, in the model's order; raise InputProblem for the first bad one."""
    for name in given:
        if name not in model.inputs:
            raise InputProblem(name, "unknown_field")
    checked: dict[str, Value] = {}
    for name, rule in model.inputs.items():
        value = given.get(name, rule.default)
        if value is None or value == ():
            if rule.required:
                raise InputProblem(name, "missing")
            continue
        checked[name] = check_one(model, name, value)
    _sold_together(model, checked)
    return checked


def check_one(model: Model, name: str, value: object) -> Value:
    """Return one input as the model takes it, whatever the others are; raise InputProblem."""
    rule = model.inputs.get(name)
    if rule is None:
        raise InputProblem(name, "unknown_field")
    checked = _value(name, rule, value)
    if isinstance(checked, tuple) and isinstance(model.price, Metered) and model.price.of == name:
        _measured(name, model.price, checked)
    return checked


def offered(model: Model, name: str, given: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the choices of an input that are sold together with what is given, in their order."""
    rule = model.inputs[name]
    choices = rule.enum if isinstance(rule, Choice) else ()
    rate = rate_of(model.price)
    if not isinstance(rate, Table) or not rate.not_sold or name not in rate.by:
        return choices
    known = {other: given[other] for other in rate.by if other in given and other != name}
    rows = [dict(zip(rate.by, key.split(" "), strict=True)) for key in rate.credits]
    fits = [row for row in rows if all(row[other] == word(value) for other, value in known.items())]
    return tuple(each for each in choices if any(row[name] == each for row in fits))


def _sold_together(model: Model, checked: Mapping[str, Value]) -> None:
    rate = rate_of(model.price)
    if isinstance(rate, Table) and rate.key(checked) in rate.not_sold:
        name = rate.by[-1]
        raise InputProblem(name, "not_sold", found=checked[name], limit=offered(model, name, checked))


def _value(name: str, rule: AnyInput, value: object) -> Value:
    match rule:
        case Text():
            return _text(name, rule, value)
        case Choice():
            if not isinstance(value, str) or value not in rule.enum:
                raise InputProblem(name, "not_offered", limit=rule.enum)
            return value
        case Flag():
            if not isinstance(value, bool):
                raise InputProblem(name, "wrong_type", limit="boolean")
            return value
        case Integer() | Number():
            return _number(name, rule, value)
        case Media():
            return _files(name, rule, value)


def _text(name: str, rule: Text, value: object) -> str:
    if not isinstance(value, str):
        raise InputProblem(name, "wrong_type", limit="string")
    text = value.strip()
    if not text and rule.required:
        raise InputProblem(name, "missing")
    if len(text) > rule.max_length:
        raise InputProblem(name, "too_long", found=len(text), limit=rule.max_length)
    if len(text) < rule.min_length:
        raise InputProblem(name, "too_short", found=len(text), limit=rule.min_length)
    return text


def _number(name: str, rule: Integer | Number, value: object) -> int | Decimal:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and (isinstance(rule, Integer) or not (isinstance(value, Decimal) and value.is_finite())):
        raise InputProblem(name, "wrong_type", limit=rule.type)
    number = value if isinstance(value, int | Decimal) else 0
    if not rule.min <= number <= rule.max:
        raise InputProblem(name, "out_of_range", found=number, limit=(rule.min, rule.max))
    return number


def _files(name: str, rule: Media, value: object) -> tuple[File, ...]:
    if not isinstance(value, tuple) or not all(isinstance(each, File) for each in value):
        raise InputProblem(name, "wrong_type", limit=rule.media)
    files: tuple[File, ...] = value
    if len(files) < rule.min_count:
        raise InputProblem(name, "too_few", found=len(files), limit=rule.min_count)
    if len(files) > rule.max_count:
        raise InputProblem(name, "too_many", found=len(files), limit=rule.max_count)
    for file in files:
        _file(name, rule, file)
    return files


def _file(name: str, rule: Media, file: File) -> None:
    """Refuse what is told to be wrong; what it really is, is found out when the file is fetched."""
    if file.media != rule.media:
        raise InputProblem(name, "wrong_medium", found=file.media, limit=rule.media)
    if file.mime is not None and file.mime not in rule.mimes:
        raise InputProblem(name, "wrong_format", found=file.mime, limit=rule.mimes)
    if file.size is not None and file.size > rule.max_bytes:
        raise InputProblem(name, "too_large", found=file.size, limit=rule.max_bytes)
    if rule.max_seconds is not None and file.seconds is not None and file.seconds > rule.max_seconds:
        raise InputProblem(name, "lasts_too_long", found=file.seconds, limit=rule.max_seconds)
    most = rule.max_megapixels
    if most is not None and file.pixels is not None and file.pixels > most * MEGAPIXEL:
        raise InputProblem(name, "too_many_pixels", found=file.pixels, limit=most * MEGAPIXEL)


def _measured(name: str, price: Metered, files: tuple[File, ...]) -> None:
    measure = files[0].pixels if price.unit == "megapixel" else files[0].seconds
    if measure is None:
        raise InputProblem(name, "unmeasured", limit=price.unit)
