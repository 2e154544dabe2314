"""Inputs as the provider takes them: a pure rule from the model, the inputs and where the files were put."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from bot.catalogue import Choice, File, Media, Model, Value
from bot.providers.base import Order, Wire


def order(model: Model, inputs: Mapping[str, Value], uploads: Mapping[str, str], callback_url: str | None) -> Order:
    """Return the order for these inputs; `uploads` are the files' addresses, by Telegram's id of each.

    Raises LookupError when a file was not uploaded.
    """
    wire = {name: _wire(model, name, value, uploads) for name, value in inputs.items()}
    return Order(model.wire_model, wire | {name: _number(value) for name, value in model.fixed.items()}, callback_url)


def _wire(model: Model, name: str, value: Value, uploads: Mapping[str, str]) -> Wire:
    rule = model.inputs[name]
    if isinstance(value, tuple):
        addresses = [uploads[file.file_id] for file in value]
        return addresses if isinstance(rule, Media) and rule.many else addresses[0]
    if isinstance(rule, Choice) and rule.wire == "integer":
        return int(str(value))
    return _number(value)


def _number(value: str | int | bool | Decimal) -> Wire:
    """Return a whole decimal as the integer that the provider expects; others stay exact until they are written."""
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def files(inputs: Mapping[str, Value]) -> list[tuple[str, File]]:
    """Return the users' files among the inputs with their fields, each file once."""
    found = {file.file_id: (name, file) for name, value in inputs.items() if isinstance(value, tuple) for file in value}
    return list(found.values())
