"""The phrases for when something cannot be made now, and it is no fault of the user's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TroublePhrases:
    """`toast_…` appear for a moment over the chat: plain, at most 200 characters."""

    toast_paused: str
    toast_model_away: str
    toast_undelivered: str
    models_away: str
