"""The phrases for operators: a type, so that a missing one is found before anybody reads it. HTML with `{names}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.amounts import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminPhrases:
    """What an operator hears."""

    overview: str
    usage: str
    user: str
    user_banned: str
    user_unreachable: str
    nobody: str
    not_an_id: str
    amounts: Mapping[Problem, str]
    granted: str
    refunded: str
    refunded_short: str
    refund_busy: str
    banned: str
    unbanned: str
    not_an_admin: str
    model_on: str
    model_off: str
    models_off: str
    no_model: str
    letters: str
    letter: str
    letter_unreadable: str
    no_letters: str
    done_already: str
    more: str
    nothing: str
