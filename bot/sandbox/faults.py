"""Faults and latencies of the sandbox: a catalogue of named values, their validation, and what is set now.

A setting is written `NAME=VALUE` or `NAME=VALUE*COUNT`: with a count it applies to that many calls or tasks and then
resets itself. `NAME=` and `NAME=off` reset. Nothing here is kept over a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bot.sandbox import flood
from bot.sandbox.identity import CALLBACK_KEY

OFF = frozenset({"", "off", "no", "false", "none"})
ON = frozenset({"on", "yes", "true", "1"})

Value = float | int | str | bool | None
Parse = Callable[[str], Value]


class FaultError(ValueError):
    """A setting that cannot be applied; the message says what is accepted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One knob: what it does, what it takes, and its value when nobody touched it."""

    name: str
    meaning: str
    accepts: str
    parse: Parse
    default: Value = None


@dataclass(frozen=True, slots=True)
class Setting:
    """A validated change: `value` None resets; `count` None lasts until it is reset."""

    name: str
    value: Value
    count: int | None = None


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86_400:  # noqa: PLR2004 - a day
        raise ValueError(text)
    return value


def _integer(low: int, high: int) -> Parse:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def _times(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


def _one_of(*codes: int) -> Parse:
    def parse(text: str) -> int:
        if int(text) not in codes:
            raise ValueError(text)
        return int(text)

    return parse


def _switch(text: str) -> bool:
    if text.lower() not in ON:
        raise ValueError(text)
    return True


def _words(text: str) -> str:
    return ",".join(part.strip() for part in text.split(",") if part.strip())


def _ids(text: str) -> str:
    return ",".join(str(int(part)) for part in text.split(","))


def _word(*words: str) -> Parse:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return parse


def _migration(text: str) -> str:
    old, new = (int(part) for part in text.split(">"))
    if not (old < 0 and new < 0 and old != new):
        raise ValueError(text)
    return f"{old}>{new}"


REFUSALS = {
    "on": "bot was blocked by the user",
    "deactivated": "user is deactivated",
    "kicked": "bot was kicked from the group chat",
}
"""What `telegram_blocked` can be, and what Telegram says then."""
STATUS, STATUS_TEXT = _integer(400, 599), "an HTTP status, 400-599"
CODES = (400, 401, 402, 404, 408, 422, 429, 433, 451, 455, 500, 501, 505, 531)
CODE_TEXT = "a body code of the provider: " + ", ".join(map(str, CODES))
SECONDS_TEXT = "seconds, 0-86400"

CATALOGUE: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("provider_latency", "A task takes this long.", SECONDS_TEXT, _seconds, 2.0),
        Fault("provider_refuse", "createTask refuses with this code; no task.", CODE_TEXT, _one_of(*CODES)),
        Fault("provider_http", "createTask answers this HTTP status; no task.", STATUS_TEXT, STATUS),
        Fault(
            "provider_lose_reply",
            "createTask accepts the task, but its answer is held this long and then is a 504.",
            SECONDS_TEXT,
            _seconds,
        ),
        Fault("provider_poll_http", "recordInfo answers this HTTP status.", STATUS_TEXT, STATUS),
        Fault("provider_down", "Every provider call answers this HTTP status.", STATUS_TEXT, STATUS),
        Fault(
            "provider_fail", "The task ends in fail with this failCode (501: moderation).", CODE_TEXT, _one_of(*CODES)
        ),
        Fault("provider_dead_url", "The task succeeds, but its result URL answers 404.", "on", _switch),
        Fault("provider_stuck", "No task finishes; switched off, they succeed late.", "on", _switch),
        Fault("provider_duplicate_callback", "Each callback comes this many times more.", "1-20", _integer(1, 20)),
        Fault("provider_no_callback", "No callback is sent.", "on", _switch),
        Fault("provider_callback_key", "The key that signs callbacks; unsigned: none.", "text", str, CALLBACK_KEY),
        Fault("provider_rate_limit", "New tasks per 10 s; more answer code 429.", "1-1000", _integer(1, 1000)),
        Fault("telegram_http", "Sends answer this HTTP status and do nothing.", STATUS_TEXT, STATUS),
        Fault("telegram_retry_after", "Sends answer 429 with retry_after.", "seconds, 1-3600", _integer(1, 3600)),
        Fault("telegram_lose_reply", "Sends are done, but answer this HTTP status.", STATUS_TEXT, STATUS),
        Fault(
            "telegram_blocked",
            "Sends answer 403: blocked by the user (on), the user is gone, or kicked from the group.",
            ", ".join(REFUSALS),
            _word(*REFUSALS),
        ),
        Fault(
            "telegram_migrated",
            "Sends to the group OLD answer 400 with migrate_to_chat_id NEW.",
            "OLD>NEW, two negative ids",
            _migration,
        ),
        Fault(
            "telegram_limits",
            "Sends above these limits answer 429: in a chat, in a group besides, of the bot. on: Telegram's own.",
            f"on, or three of NUMBER/SECONDS: {flood.TELEGRAM}",
            flood.parse,
        ),
        Fault("telegram_latency", "Every Bot API call takes this much longer.", SECONDS_TEXT, _seconds),
        Fault("telegram_only", "The telegram_* faults of sends hit these methods only.", "methods, by comma", _words),
        Fault("telegram_chats", "The telegram_* faults of sends hit these chats only.", "ids, by comma", _ids),
        Fault("telegram_pause", "No update is delivered.", "on", _switch),
        Fault("telegram_duplicate", "The webhook gets each update twice, same update_id.", "on", _switch),
        Fault(
            "telegram_backoff",
            "Scale of the waits between redeliveries: 0.01 makes 2 s into 20 ms.",
            "0-10",
            lambda text: min(_seconds(text), 10.0),
            1.0,
        ),
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
