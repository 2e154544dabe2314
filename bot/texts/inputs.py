"""The phrases that ask for a model's inputs, and that say kindly what is wrong with one.

Buttons and toasts are plain; everything else is HTML with `{names}` to fill in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.catalogue import Medium
from bot.catalogue.inputs import Reason
from bot.texts.counts import Noun


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPhrases:
    """How inputs are asked for; `count` and `at_most` write a number with its noun.

    `fields` and `values` name what the catalogue calls by its wire name; `problems` by the reason of a refusal.
    """

    count: Callable[[Noun, int], str]
    at_most: Callable[[Noun, int], str]
    fields: Mapping[str, str]
    values: Mapping[str, str]

    given: str
    in_group: str
    ask_text: str
    ask_choice: str
    ask_number: str
    ask_flag: str
    ask_file: Mapping[Medium, str]
    ask_files: Mapping[Medium, str]
    file_limits: str
    file_lasts: str
    received: str
    unset: str
    default: str

    yes: str
    no: str
    seconds: str
    minutes: str
    megapixels: str
    megabytes: str
    button_done: str
    button_default: str
    button_cancel: str
    button_back: str
    setting: str

    media: Mapping[Medium, str]
    problems: Mapping[Reason, str]
    too_large_to_fetch: str
    need_text: str
    need_number: str
    need_file: Mapping[Medium, str]
    need_choice: str

    toast_not_sold: str
