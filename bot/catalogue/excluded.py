"""Models that are known and not sold: nothing is missing from the menu by accident."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from bot.catalogue.fields import Entry, Line

Cause = Literal["alias", "unpriced", "withdrawn", "no_adapter", "needs_task"]


class Exclusion(Entry):
    """One known model and why nobody can order it; an alias names the model to take instead."""

    id: Line
    reason: Cause
    why: Line
    instead: str | None = None

    @model_validator(mode="after")
    def _alias_of_what(self) -> Self:
        if (self.reason == "alias") != (self.instead is not None):
            raise ValueError("instead names the model that an alias stands for, and only that")
        return self
