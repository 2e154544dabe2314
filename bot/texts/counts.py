"""Numbers with their nouns, in the form that each language wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from bot.ledger import format_credits

Noun = Literal["character", "second", "photo", "audio", "video"]

_EN: Final[Mapping[Noun, tuple[str, str]]] = {
    "character": ("character", "characters"),
    "second": ("second", "seconds"),
    "photo": ("photo", "photos"),
    "audio": ("recording", "recordings"),
    "video": ("video", "videos"),
}
_RU: Final[Mapping[Noun, tuple[str, str, str]]] = {
    "character": ("символ", "символа", "символов"),
    "second": ("секунда", "секунды", "секунд"),
    "photo": ("фотография", "фотографии", "фотографий"),
    "audio": ("запись", "записи", "записей"),
    "video": ("видео", "видео", "видео"),
}


def number_en(milli: int) -> str:
    """Return an amount without its noun: "0.8"."""
    return format_credits(milli)


def number_ru(milli: int) -> str:
    """Return an amount without its noun: "0,8"."""
    return format_credits(milli).replace(".", ",")


def count_en(noun: Noun, number: int) -> str:
    """Return "1 photo", "2 photos"."""
    return f"{number} {_EN[noun][number != 1]}"


def at_most_en(noun: Noun, number: int) -> str:
    """Return "up to 8 photos"."""
    return f"up to {count_en(noun, number)}"


def count_ru(noun: Noun, number: int) -> str:
    """Return "1 фотография", "2 фотографии", "5 фотографий"."""
    return f"{number} {_RU[noun][form_ru(number)]}"


def at_most_ru(noun: Noun, number: int) -> str:
    """Return "до 8 фотографий", "до 21 символа": after «до» the noun stands in the genitive."""
    return f"до {number} {_RU[noun][1 if form_ru(number) == 0 else 2]}"


def form_ru(number: int) -> int:
    """Return which form a Russian noun has after a whole number: 1, 21 → 0; 2, 34 → 1; 5, 11, 112 → 2."""
    if number % 10 == 1 and number % 100 != 11:  # noqa: PLR2004 - 11 кредитов
        return 0
    return 1 if number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14} else 2
