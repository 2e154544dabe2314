"""Checks a request against its model before anything is held: the field is named, the reason can be told to a user."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from bot.catalogue.entry import Choice, Flag, Integer, Model, Number, Text, Value

Reason = Literal["unknown_field", "missing", "wrong_type", "too_short", "too_long", "not_offered", "out_of_range"]


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
        if value is None:
            if rule.required:
                raise InputProblem(name, "missing")
            continue
        checked[name] = _value(name, rule, value)
    return checked


def _value(name: str, rule: Text | Choice | Integer | Number | Flag, value: object) -> Value:
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
