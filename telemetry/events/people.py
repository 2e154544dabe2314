"""People and those who look after them: what was forgotten, what operators did in the chat."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Event, event

Action = Literal["find", "grant", "refund", "ban", "unban", "model_on", "model_off"]


@event
class ContentErased(Event):
    """A user's content was forgotten on request; whose it was is not told."""

    name = "people.content_erased"
    message = "A user's content was erased"
    level = "INFO"


@event
class AdminActed(Event):
    """An operator did something in the chat; who it was done to stands in the database."""

    name = "people.admin_acted"
    message = "An operator acted in the chat"
    level = "INFO"

    admin_id: int
    action: Action
