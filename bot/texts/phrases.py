"""The phrases that each language has: a type, so that a missing one is found before anybody reads it.

All are HTML for Telegram with `{names}` to fill in, except the buttons, the menu, the `toast_…` ones and `checkout`,
which are plain: they appear for a moment over the chat, or over the payment, in at most 200 characters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.accounts import Language
from bot.checkout import Refusal
from bot.texts.account import AccountPhrases
from bot.texts.admin import AdminPhrases
from bot.texts.cards import CardPhrases
from bot.texts.generation import GenerationPhrases
from bot.texts.inputs import InputPhrases
from bot.texts.trouble import TroublePhrases


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """Everything the bot says in one language; `credits` writes an amount of milli-credits with its noun."""

    language: Language
    credits: Callable[[int], str]
    menu: tuple[tuple[str, str], ...]

    nameless: str
    hello: str
    hello_with_gift: str
    hello_again: str
    help: str
    help_support: str
    balance: str
    balance_with_held: str

    prompt_missing: str
    prompt_too_long: str
    input_refused: str
    only_words: str
    unknown_command: str

    confirm: str
    confirm_plain: str
    confirm_again: str
    button_generate: str
    button_cancel: str
    chosen: str
    cancelled: str
    not_enough: str
    withdrawn: str

    queued: str
    done: str
    caption: str
    failed: str
    generation: GenerationPhrases

    toast_old_button: str
    toast_not_yours: str
    toast_not_your_button: str
    toast_already: str
    toast_cancelled: str
    toast_confirm_again: str
    toast_price_changed: str
    toast_busy: str
    toast_not_enough: str

    checkout: Mapping[Refusal, str]

    account: AccountPhrases
    admin: AdminPhrases
    cards: CardPhrases
    inputs: InputPhrases
    trouble: TroublePhrases
