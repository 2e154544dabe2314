"""A question for one input: what is wanted, what is given already, and buttons where there is something to choose.

The same question is asked on the way to a quote and to change one; `Target` says what its buttons do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from bot import texts
from bot.catalogue import AnyInput, Choice, Flag, Integer, Media, Model, Number, Text, Value
from bot.effects import Keyboard
from bot.handlers.problems import format_name, megabytes
from bot.texts import Phrases, labels

LONGEST_ROW: Final = 5
"""Choices side by side; more do not fit a phone."""
ROW_CHARACTERS: Final = 28
MOST_OFFERED: Final = 10
"""Whole numbers that are offered one by one."""
MESSAGE_CHARACTERS: Final = 4096
"""What fits a message; longer words arrive as several."""
POINTS: Final = 5
"""Of a range of numbers."""

Row = Sequence[tuple[str, str]]


class Target(Protocol):
    """Where the buttons of a question lead."""

    def value(self, name: str, given: Value) -> str:
        """Return the data of a button that gives this value."""
        ...

    def last(self, name: str, given: Value | None) -> Sequence[Row]:
        """Return the rows below the values: done, back, cancel."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, for somebody who has given so much; `note` stands above it."""

    model: Model
    name: str
    given: Mapping[str, Value]
    note: str = ""
    in_group: bool = False

    @property
    def rule(self) -> AnyInput:
        """The rule of what is asked."""
        return self.model.inputs[self.name]


def text(phrases: Phrases, question: Question) -> str:
    """Return the question as HTML."""
    parts = [f"<b>{texts.fill('{model}', model=labels.title(phrases, question.model))}</b>\n"]
    parts += [
        texts.fill(
            phrases.inputs.given,
            field=labels.field(phrases, name),
            value=labels.value(phrases, name, question.given[name]),
        )
        for name in question.model.inputs
        if name in question.given
    ]
    parts += ["\n", question.note, "\n\n"] if question.note else ["\n"]
    parts.append(_asked(phrases, question))
    parts.append(phrases.inputs.in_group if question.in_group else "")
    return "".join(parts)


def keyboard(phrases: Phrases, question: Question, target: Target) -> Keyboard:
    """Return the values to choose from, the present one marked, and what else can be done."""
    now = question.given.get(question.name, question.rule.default)
    buttons, longest = [], 1
    for value in offered(question.rule):
        label = labels.value(phrases, question.name, value)
        chosen = phrases.chosen.format(choice=label) if value == now and type(value) is type(now) else label
        buttons.append((chosen, target.value(question.name, value)))
        longest = max(longest, len(label))
    return [*rows(buttons, longest), *target.last(question.name, question.given.get(question.name))]


def offered(rule: AnyInput) -> Sequence[Value]:
    """Return the values that are offered as buttons; others can be typed where the rule lets them."""
    match rule:
        case Choice(enum=enum):
            return enum
        case Flag():
            return (True, False)
        case Integer() if rule.max - rule.min < MOST_OFFERED:
            return range(rule.min, rule.max + 1)
        case Number():
            step = (rule.max - rule.min) / (POINTS - 1)
            return tuple((rule.min + step * point).quantize(Decimal("0.01")) for point in range(POINTS))
        case _:
            return ()


def rows(buttons: Sequence[tuple[str, str]], longest: int) -> list[Row]:
    """Return the buttons in rows that fit a phone; a mark does not count as `longest`, or it would move the others."""
    side_by_side = max(1, min(LONGEST_ROW, ROW_CHARACTERS // longest))
    return [buttons[first : first + side_by_side] for first in range(0, len(buttons), side_by_side)]


def _asked(phrases: Phrases, question: Question) -> str:
    inputs, rule, field = phrases.inputs, question.rule, labels.field(phrases, question.name)
    match rule:
        case Text():
            limit = inputs.at_most("character", min(rule.max_length, MESSAGE_CHARACTERS))
            return texts.fill(inputs.ask_text, field=field, limit=limit)
        case Choice():
            return texts.fill(inputs.ask_choice, field=field)
        case Flag():
            return texts.fill(inputs.ask_flag, field=field)
        case Integer() | Number():
            low, high = labels.number(phrases, rule.min), labels.number(phrases, rule.max)
            return texts.fill(inputs.ask_number, field=field, low=low, high=high)
        case Media():
            return _files(phrases, question, rule, field)


def _files(phrases: Phrases, question: Question, rule: Media, field: str) -> str:
    inputs, noun = phrases.inputs, labels.NOUNS[rule.media]
    got = question.given.get(question.name)
    if isinstance(got, tuple) and got:
        return texts.fill(inputs.received, field=field, count=inputs.count(noun, len(got)))
    asked = inputs.ask_files if rule.max_count > 1 else inputs.ask_file
    return texts.fill(
        asked[rule.media] + (inputs.file_limits if rule.max_seconds is None else inputs.file_lasts),
        field=field,
        limit=inputs.at_most(noun, rule.max_count),
        size=megabytes(phrases, rule.max_bytes),
        lasts="" if rule.max_seconds is None else labels.lasting(phrases, rule.max_seconds),
        formats=", ".join(dict.fromkeys(format_name(mime) for mime in rule.mimes)),
    )
