"""What is said in English when something cannot be made now."""

from __future__ import annotations

from bot.texts.trouble import TroublePhrases

EN_TROUBLE = TroublePhrases(
    toast_paused="I am taking a short break, and my operator knows. Nothing is charged. Please press again a bit later.",
    toast_model_away="This model has trouble just now. Nothing is charged. Try again in a few minutes, or another: /models",
    toast_undelivered=(
        "The last results could not reach you, so I am not starting new ones for now. "
        "Please let me write to you here, and come back tomorrow. Nothing is charged."
    ),
    models_away="The models for this have trouble just now, and nothing is charged. Please try again in a few minutes.",
)
