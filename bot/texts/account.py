"""The phrases around a user's account: a type, so that a missing one is found before anybody reads it.

Buttons and toasts are plain; everything else is HTML with `{names}` to fill in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["making", "done", "failed", "late"]
"""How an earlier generation stands: `late` came after the credits went back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPhrases:
    """What somebody hears of the own account; `ago` by the unit of time."""

    invitation: str
    invitation_rewarded: str
    granted: str
    banned: str
    toast_banned: str
    model_off: str

    free: str
    free_left: str
    free_cheapest: str
    free_daily: str
    free_daily_cheapest: str
    done_free: str

    settings: str
    language: str

    history: str
    history_empty: str
    history_entry: str
    history_erased: str
    outcomes: Mapping[Outcome, str]
    ago: Mapping[Literal["moments", "minutes", "hours", "days"], str]
    button_repeat: str
    button_send_again: str
    toast_sent_again: str

    topup: str
    paysupport: str
    support: str

    privacy: str
    terms: str
    button_erase: str
    erase_sure: str
    button_erase_yes: str
    button_erase_no: str
    erased: str
    erase_later: str
    not_erased: str
