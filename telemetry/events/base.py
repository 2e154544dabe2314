"""What an event is, and how it declares its log line and its metrics against the catalogue.

A declaration that does not fit the catalogue (an unknown metric, a label without a field, a wrong kind) fails when
the module is imported, so it cannot reach a running program.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal, TypeVar, dataclass_transform

from telemetry.catalogue import BY_NAME, Kind, Metric

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_RESERVED = frozenset({"name", "message", "level", "metrics", "quiet_seconds"})


class Update:
    """One change of one metric when the event happens.

    Every label takes the value of the event's field of the same name; a label given here is a constant; a label with
    only one possible value needs neither.
    """

    __slots__ = ("constants", "metric", "value")
    kinds: ClassVar[frozenset[Kind]] = frozenset()

    def __init__(self, metric: str, value: str | float | None = None, /, **constants: str) -> None:
        found = BY_NAME.get(metric)
        if found is None:
            raise TypeError(f"{metric} is not in the catalogue; add it to telemetry/catalogue/.")
        if found.kind not in self.kinds or found.source != "process":
            raise TypeError(f"{type(self).__name__} cannot update {metric}: it is a {found.source} {found.kind}.")
        self.metric: Metric = found
        self.value = value
        self.constants = constants

    def fields(self) -> frozenset[str]:
        """The fields an event needs to have for this update."""
        needed = {
            label.name for label in self.metric.labels if label.name not in self.constants and len(label.values) != 1
        }
        return frozenset(needed | ({self.value} if isinstance(self.value, str) else set()))


class Count(Update):
    """Add 1, or the number in the named field, to a counter."""

    kinds = frozenset({"counter"})


class Observe(Update):
    """Put the number in the named field into a histogram; None is left out."""

    kinds = frozenset({"histogram"})


class Set(Update):
    """Set a gauge to a constant or to the number in the named field; None is left out."""

    kinds = frozenset({"gauge"})


class State(Update):
    """Make the value of the metric's last label the current one."""

    kinds = frozenset({"state"})


class Event:
    """One transition of the system: immutable, named, with its values as fields.

    `name` is dotted and unique; `message` is constant text; `level` None means metrics only, no log line.
    `quiet_seconds` lets the first line of a series through and then one line with the total per that time.
    An exception in a field is logged as its type and redacted text; with its stack from level ERROR on, unless it is
    not `traced`: an outage is nobody's mistake, and where in our code it was met helps nobody.
    """

    __slots__ = ()

    name: ClassVar[str]
    message: ClassVar[str]
    level: ClassVar[Level | None]
    metrics: ClassVar[tuple[Update, ...]] = ()
    quiet_seconds: ClassVar[float | None] = None
    traced: ClassVar[bool] = True


REGISTRY: dict[str, type[Event]] = {}
"""Every event class by its name; filled by `event`, read by the documentation and the tests."""

E = TypeVar("E", bound=Event)


@dataclass_transform(frozen_default=True)
def event(cls: type[E]) -> type[E]:
    """Make the class a frozen slotted dataclass, check its declaration and enter it in the registry."""
    made = dataclasses.dataclass(frozen=True, slots=True)(cls)
    names = field_names(made)
    if clash := _RESERVED & set(names):
        raise TypeError(f"{cls.__name__} has fields with reserved names: {', '.join(sorted(clash))}.")
    for update in made.metrics:
        if missing := update.fields() - set(names):
            raise TypeError(
                f"{cls.__name__} updates {update.metric.name} but has no field {', '.join(sorted(missing))}."
            )
        if unknown := set(update.constants) - set(update.metric.label_names):
            raise TypeError(f"{cls.__name__} gives {update.metric.name} unknown labels {', '.join(sorted(unknown))}.")
    if made.name in REGISTRY and REGISTRY[made.name].__qualname__ != made.__qualname__:
        raise TypeError(f"{cls.__name__} and {REGISTRY[made.name].__name__} are both named {made.name}.")
    REGISTRY[made.name] = made
    return made


def field_names(cls: type[Event]) -> tuple[str, ...]:
    """The names of the event's fields, in order."""
    return tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]  # every event is one
