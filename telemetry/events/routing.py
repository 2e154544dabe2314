"""Routing: which model makes what nobody chose a model for, and which models are left alone for a while."""

from __future__ import annotations

from typing import Literal

from telemetry.events.base import Count, Event, Set, event


@event
class GenerationRouted(Event):
    """Somebody chose no model, and this one was taken."""

    name = "routing.routed"
    message = "Generation routed"
    level = "DEBUG"
    metrics = (Count("bot_router_decisions_total"),)

    requested: str
    model: str
    reason: str


@event
class GenerationRerouted(Event):
    """The provider could not make it with one model and another one tries, for no more."""

    name = "routing.rerouted"
    message = "Generation given to another model"
    level = "WARNING"
    metrics = (Count("bot_router_decisions_total", reason="fallback"),)

    generation_id: int
    requested: str
    failed: str
    model: str


@event
class CircuitChanged(Event):
    """A model failed too often and is not sold for a while, is being tried again, or is well again."""

    name = "routing.circuit_changed"
    message = "Circuit breaker of a model changed"
    level = "WARNING"
    metrics = (Set("bot_provider_circuit_state", "value"),)

    model: str
    state: Literal["closed", "half_open", "open"]
    value: float
    cooling_seconds: float


@event
class NumbersStalled(Event):
    """The numbers of models could not be read or kept; that is tried again."""

    name = "routing.numbers_stalled"
    message = "Numbers of models wait for the database"
    level = "WARNING"
    quiet_seconds = 30.0
    traced = False

    error: BaseException
