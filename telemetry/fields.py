"""The fields of an event as plain, redacted values, the same for the log line and for the span."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from telemetry.events.base import Event, field_names
from telemetry.redact import MASK, is_secret_name, redact
from telemetry.stack import said, stack_of

LONGEST_TEXT = 2000
LONGEST_STACK = 8000
DEEPEST = 4

_WITH_STACK = frozenset({"ERROR", "CRITICAL"})
_SPOKEN = (float, Decimal, uuid.UUID, PurePath, dt.date)
_names: dict[type[Event], tuple[str, ...]] = {}


def plain(event: Event, *, stack: bool = False) -> dict[str, Any]:
    """The fields that have a value; an exception becomes its type and text, with its stack if asked for."""
    kind = type(event)
    names = _names.get(kind)
    if names is None:
        names = _names[kind] = field_names(kind)
    fields: dict[str, Any] = {}
    for name in names:
        value = getattr(event, name)
        if isinstance(value, BaseException):
            fields |= told(value, name, stack=stack and event.traced and event.level in _WITH_STACK)
        elif value is not None:
            fields[name] = MASK if is_secret_name(name) else clean(value)
    return fields


def told(error: BaseException, name: str = "error", *, stack: bool = False) -> dict[str, str]:
    """An exception as fields: its type, its text and, if asked for, its stack."""
    fields = {f"{name}_type": type(error).__qualname__, name: text(said(error))}
    return fields | {"stack": _cut(redact(stack_of(error)), LONGEST_STACK)} if stack else fields


def clean(value: object, depth: int = 0) -> Any:
    """The value as JSON can carry it, redacted in every part."""
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if depth < DEEPEST and isinstance(value, Mapping):
        return {
            text(str(key)): MASK if is_secret_name(str(key)) else clean(item, depth + 1) for key, item in value.items()
        }
    if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, BaseException):
        return text(said(value))
    return text(_shown(str if isinstance(value, _SPOKEN) else repr, value))


def text(value: str) -> str:
    """The text, redacted and then cut: cutting first could leave half a secret that nothing recognises."""
    return _cut(redact(value), LONGEST_TEXT)


def _cut(value: str, longest: int) -> str:
    return value if len(value) <= longest else f"{value[:longest]}… ({len(value) - longest} more characters)"


def _shown(show: Callable[[object], str], value: object) -> str:
    try:
        return show(value)
    except Exception as error:  # noqa: BLE001 - any class can break in its own repr, and the line must still be written
        return f"<{type(value).__qualname__} whose text failed with {type(error).__qualname__}>"
