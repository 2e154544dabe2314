"""Faults and latencies of the sandbox: a catalogue of named values, their validation, and what is set now.

A setting is written `NAME=VALUE` or `NAME=VALUE*COUNT`: with a count it applies to that many calls or tasks and then
resets itself. `NAME=` and `NAME=off` reset. Nothing here is kept over a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.fault import Fault, Value
from bot.sandbox.provider_faults import PROVIDER
from bot.sandbox.telegram_faults import TELEGRAM

OFF = frozenset({"", "off", "no", "false", "none"})


class FaultError(ValueError):
    """A setting that cannot be applied; the message says what is accepted."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A validated change: `value` None resets; `count` None lasts until it is reset."""

    name: str
    value: Value
    count: int | None = None


def _times(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


CATALOGUE: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *PROVIDER,
        *TELEGRAM,
    )
}


def parse(text: str) -> Setting:
    """Read `NAME=VALUE` or `NAME=VALUE*COUNT`; raise `FaultError` for anything else."""
    name, equals, value = text.partition("=")
    if not equals:
        raise FaultError(f"{text!r} is not NAME=VALUE.")
    return setting(name.strip(), value.strip())


def setting(name: str, text: str) -> Setting:
    """Validate a value for the named fault; raise `FaultError` when there is no such fault or value."""
    fault = CATALOGUE.get(name)
    if fault is None:
        near = [known for known in CATALOGUE if name and (name in known or known in name)]
        raise FaultError(f"There is no fault {name!r}. {'Near' if near else 'Known'}: {', '.join(near or CATALOGUE)}.")
    if text.lower() in OFF:
        return Setting(name, None)
    value, star, times = text.rpartition("*")
    try:
        if not star:
            return Setting(name, fault.parse(text))
        return Setting(name, fault.parse(value), _times(times))
    except ValueError as error:
        raise FaultError(f"{name} takes {fault.accepts} (with *COUNT: so many times), not {text!r}.") from error


def parse_all(texts: Iterable[str]) -> list[Setting]:
    """Read several settings; raise one `FaultError` that names every problem."""
    settings, problems = [], []
    for text in texts:
        try:
            settings.append(parse(text))
        except FaultError as error:
            problems.append(str(error))
    if problems:
        raise FaultError(" ".join(problems))
    return settings


class Faults:
    """What is set now."""

    def __init__(self) -> None:
        self._set: dict[str, Setting] = {}
        self._watchers: list[Callable[[], None]] = []

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` after every change; it must not wait."""
        self._watchers.append(watcher)

    def apply(self, change: Setting) -> None:
        """Set or reset one fault."""
        if change.value is None:
            self._set.pop(change.name, None)
        else:
            self._set[change.name] = change
        for watcher in self._watchers:
            watcher()

    def get(self, name: str) -> Value:
        """Return the value in force, without using up its count."""
        current = self._set.get(name)
        return CATALOGUE[name].default if current is None else current.value

    def take(self, name: str) -> Value:
        """Return the value in force and use up one of its count."""
        current = self._set.get(name)
        if current is None:
            return CATALOGUE[name].default
        if current.count is not None:
            left = current.count - 1
            self.apply(Setting(name, current.value if left else None, left or None))
        return current.value

    def number(self, name: str, kind: Literal["get", "take"] = "get") -> float:
        """Return the value in force as a number; 0 when it is off."""
        value = self.take(name) if kind == "take" else self.get(name)
        return float(value) if isinstance(value, int | float) else 0.0

    def describe(self) -> list[dict[str, Value]]:
        """Return the whole catalogue with what is set, for people and programs."""
        rows: list[dict[str, Value]] = []
        for fault in CATALOGUE.values():
            current = self._set.get(fault.name)
            rows.append(
                {
                    "name": fault.name,
                    "value": self.get(fault.name),
                    "count": current.count if current else None,
                    "set": current is not None,
                    "default": fault.default,
                    "accepts": fault.accepts,
                    "meaning": fault.meaning,
                }
            )
        return rows
