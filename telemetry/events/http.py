"""HTTP: what was answered and what was refused, by route template, never by path."""

from __future__ import annotations

from telemetry.events.base import Count, Event, Observe, event


@event
class RequestAnswered(Event):
    """A request that brings something in was answered, after the commit. No log line."""

    name = "http.answered"
    message = "Request answered"
    level = None
    metrics = (Count("bot_webhook_requests_total"), Observe("bot_webhook_ack_duration_seconds", "seconds"))

    route: str
    code: int
    seconds: float


@event
class RequestRefused(Event):
    """A request was turned away; counted like an answered one, and logged once per series."""

    name = "http.refused"
    message = "Request refused"
    level = "WARNING"
    metrics = (Count("bot_webhook_requests_total"),)
    quiet_seconds = 60.0

    route: str
    code: int
    reason: str
