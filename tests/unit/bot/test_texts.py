"""What the bot says: the same phrases in both languages, in good form, and nothing of a user as markup."""

from __future__ import annotations

import dataclasses
import re
from string import Formatter
from typing import Any, get_args

import pytest

from bot import texts
from bot.catalogue import Result
from bot.handlers import COMMANDS
from bot.providers.base import Failure
from bot.texts import Phrases
from bot.texts.generation import CODES, FILE_CODES

EN, RU = texts.of("en"), texts.of("ru")
FIELDS = [field.name for field in dataclasses.fields(Phrases)]
SINGLE = [name for name in FIELDS if isinstance(getattr(EN, name), str)]
PLAIN = [name for name in SINGLE if name.startswith(("toast_", "button_")) or name == "chosen"]
TAGS = {"b", "i", "blockquote"}


def _names(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def _leaves(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in _leaves(each)]
    if dataclasses.is_dataclass(value):
        return [leaf for field in dataclasses.fields(value) for leaf in _leaves(getattr(value, field.name))]
    return [leaf for each in value for leaf in _leaves(each)] if isinstance(value, tuple) else []


@pytest.mark.parametrize("name", SINGLE)
def test_both_languages_fill_in_the_same(name: str) -> None:
    """A phrase takes the same values in Russian and in English."""
    assert _names(getattr(EN, name)) == _names(getattr(RU, name))


def _templates(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, str):
        return {path: value}
    if isinstance(value, dict):
        parts = [(f"{path}[{key}]", each) for key, each in value.items()]
    elif dataclasses.is_dataclass(value):
        parts = [(f"{path}.{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value)]
    else:
        return {}
    return {name: leaf for path_, each in parts for name, leaf in _templates(each, path_).items()}


def test_the_groups_of_phrases_fill_in_the_same() -> None:
    """Also by category, by reason and by unit: nothing is missing in one language, nothing stays unfilled in the other."""
    english, russian = _templates(EN), _templates(RU)
    assert english.keys() == russian.keys()
    assert {name for name in english if _names(english[name]) != _names(russian[name])} == set()


@pytest.mark.parametrize("phrases", [EN, RU], ids=["en", "ru"])
def test_every_phrase_says_something_in_good_form(phrases: Phrases) -> None:
    """No empty phrase, no stray blanks, tags closed in the order Telegram wants."""
    for name in FIELDS:
        for text in _leaves(getattr(phrases, name)):
            assert text.strip(), name
            assert text == text.strip(" ") or name == "help_support", name
            assert "  " not in text, name
            opened: list[str] = []
            for closing, tag in re.findall(r"<(/?)([a-z]+)(?: expandable)?>", text):
                assert tag in TAGS, name
                assert not closing or opened.pop() == tag, name
                if not closing:
                    opened.append(tag)
            assert not opened, name


@pytest.mark.parametrize("phrases", [EN, RU], ids=["en", "ru"])
def test_every_failure_has_its_reason(phrases: Phrases) -> None:
    """Whatever went wrong, there are plain words for it."""
    assert set(phrases.generation.reasons) == set(get_args(Failure))
    assert set(phrases.generation.codes) == set(CODES)
    assert set(phrases.generation.files) == set(FILE_CODES)
    assert set(phrases.generation.working) == set(get_args(Result))


@pytest.mark.parametrize("phrases", [EN, RU], ids=["en", "ru"])
def test_plain_phrases_have_no_markup_and_fit(phrases: Phrases) -> None:
    """Telegram shows at most 200 characters over the chat, and no HTML there or on a button."""
    for name in PLAIN:
        text = getattr(phrases, name)
        assert "<" not in text, name
        assert len(text.format_map(dict.fromkeys(_names(text), "1999.999 credits"))) <= 200, name


def test_the_menu_has_the_same_commands_in_both_languages() -> None:
    """Telegram takes commands of a-z and descriptions of 1 to 256 characters."""
    assert [command for command, _ in EN.menu] == [command for command, _ in RU.menu]
    for menu in COMMANDS.values():
        for command, description in menu:
            assert re.fullmatch(r"[a-z]{1,32}", command)
            assert 1 <= len(description) <= 256


@pytest.mark.parametrize(
    ("milli", "english", "russian"),
    [
        (1_000, "1 credit", "1 кредит"),
        (2_000, "2 credits", "2 кредита"),
        (5_000, "5 credits", "5 кредитов"),
        (11_000, "11 credits", "11 кредитов"),
        (12_000, "12 credits", "12 кредитов"),
        (21_000, "21 credits", "21 кредит"),
        (22_000, "22 credits", "22 кредита"),
        (111_000, "111 credits", "111 кредитов"),
        (0, "0 credits", "0 кредитов"),
        (800, "0.8 credits", "0,8 кредита"),
        (19_200, "19.2 credits", "19,2 кредита"),
        (20_000, "20 credits", "20 кредитов"),
    ],
)
def test_credits_are_named_in_the_right_form(milli: int, english: str, russian: str) -> None:
    """Number and noun agree, and Russian has its comma."""
    assert EN.credits(milli) == english
    assert RU.credits(milli) == russian


def test_what_a_user_wrote_is_never_markup() -> None:
    """Braces, tags and ampersands come out as they were written."""
    filled = texts.fill("<b>{name}</b> {other}", name="<i>&{x}", other="a\"b'")
    assert filled == "<b>&lt;i&gt;&amp;{x}</b> a\"b'"


@pytest.mark.parametrize(
    ("code", "language"),
    [("ru", "ru"), ("ru-RU", "ru"), ("RU", "ru"), ("en", "en"), ("uk", "en"), ("run", "en"), ("", "en"), (None, "en")],
)
def test_russian_is_spoken_to_russian_telegrams(code: str | None, language: str) -> None:
    """`ru` and its regions; English to all others."""
    assert texts.language_of(code) == language
