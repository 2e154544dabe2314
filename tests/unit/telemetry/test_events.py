"""Events: every declaration fits the catalogue, and everything in the catalogue is reachable."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

import pytest

from telemetry import emission, emit, events, metrics, testing
from telemetry.catalogue import METRICS
from telemetry.events import REGISTRY, Event
from telemetry.events.base import Count, Observe, Set, event
from telemetry.redact import is_secret_name

ALL = sorted(REGISTRY.values(), key=lambda kind: kind.name)
PUT = {
    "supervisor_build_info",
    "supervisor_lock_heartbeat_interval_seconds",
    "supervisor_lock_lease_seconds",
}
"""Process metrics that are set directly, not by an event."""


def example(kind: type[Event]) -> Event:
    """Make an event of this class with an invented value in every field."""
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: invented(hints[field.name]) for field in dataclasses.fields(kind)})  # type: ignore[arg-type]  # every event is a dataclass


def invented(hint: Any) -> object:
    """Invent a value of this type: the first literal, the first member of a union, a tuple of one."""
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)[0]
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return invented(typing.get_args(hint)[0])
    if typing.get_origin(hint) is tuple:
        return (invented(typing.get_args(hint)[0]),)
    values: dict[Any, object] = {str: "text", int: 7, float: 0.5, bool: True, BaseException: ValueError("boom")}
    return values[hint]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_event_can_be_emitted_with_everything_configured(kind: type[Event], live: metrics.Metrics) -> None:
    """No declared metric, label or field breaks when the event happens."""
    before = emission.failures()
    with testing.record() as recorded:
        emit(example(kind))
    assert emission.failures() == before
    assert recorded.names() == [kind.name]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_event_is_well_formed(kind: type[Event]) -> None:
    """Its name begins with its area, its text is constant, its fields have no name that redaction would mask."""
    assert kind.name.split(".")[0] == kind.__module__.rpartition(".")[2]
    assert kind.name.count(".") == 1
    assert kind.__doc__
    assert kind.message
    assert not set("{}%") & set(kind.message)
    assert not [field.name for field in dataclasses.fields(kind) if is_secret_name(field.name)]  # type: ignore[arg-type]  # every event is a dataclass
    assert getattr(events, kind.__name__) is kind


def test_every_process_metric_is_updated_by_an_event() -> None:
    """A metric that nothing can move is a promise that nothing keeps."""
    moved = {update.metric.name for kind in ALL for update in kind.metrics} | PUT
    assert {metric.name for metric in METRICS if metric.source == "process"} == moved


def test_an_event_is_immutable_and_small() -> None:
    """An event says what happened; nobody changes that afterwards."""
    won = events.TermWon(epoch=1, reason="free")
    with pytest.raises(dataclasses.FrozenInstanceError):
        won.epoch = 2  # type: ignore[misc]  # what the test proves
    assert not hasattr(won, "__dict__")


def test_a_declaration_that_does_not_fit_the_catalogue_fails_at_import() -> None:
    """Unknown metric, wrong kind, missing label, unknown label: each is a TypeError with the name in it."""
    with pytest.raises(TypeError, match="supervisor_nonsense is not in the catalogue"):
        Count("supervisor_nonsense")
    with pytest.raises(TypeError, match="Observe cannot update bot_poll_conflicts_total"):
        Observe("bot_poll_conflicts_total", "seconds")
    with pytest.raises(TypeError, match="Set cannot update supervisor_lock_fencing_token: it is a database gauge"):
        Set("supervisor_lock_fencing_token", 1)
    with pytest.raises(TypeError, match="has no field reason"):

        @event
        class NoReason(Event):
            name = "test.no_reason"
            message = "x"
            level = None
            metrics = (Count("supervisor_lock_terms_total"),)

    with pytest.raises(TypeError, match="unknown labels colour"):

        @event
        class Coloured(Event):
            name = "test.coloured"
            message = "x"
            level = None
            metrics = (Count("bot_updates_retried_total", colour="red"),)


def test_two_events_cannot_share_a_name_and_no_field_hides_the_declaration() -> None:
    """The name is what log queries use; a field called `message` would replace the constant text."""
    with pytest.raises(TypeError, match=r"both named lock\.term_won"):

        @event
        class Impostor(Event):
            name = "lock.term_won"
            message = "x"
            level = None

    with pytest.raises(TypeError, match="reserved names: message"):

        @event
        class Verbose(Event):
            name = "test.verbose"
            message: str  # type: ignore[misc]  # what the test proves
            level = None
