"""Reads the catalogue; an error names the file, the model and the field, and all of them are told at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bot.catalogue.entry import Model
from bot.catalogue.excluded import Exclusion

if TYPE_CHECKING:
    from yaml import SafeLoader as Loader
else:
    # libyaml reads the same in a tenth of the time; PyYAML's wheels have it, a build from source may not.
    Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

EXCLUDED: Final = "excluded.yaml"

T = TypeVar("T", bound=BaseModel)


class CatalogueError(ValueError):
    """The catalogue cannot be sold from: each line of the message is one problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the catalogue has errors; correct these entries:\n" + "\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models on sale by id, and those that are known and not sold."""

    models: Mapping[str, Model]
    excluded: Mapping[str, Exclusion] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def __len__(self) -> int:
        return len(self.models)

    def get(self, model_id: str) -> Model | None:
        """Return the model, or None when it is not on sale (any more)."""
        return self.models.get(model_id)


def load(folder: Traversable | None = None) -> Catalogue:
    """Read every `*.yaml` of the folder (by default the one shipped) or raise CatalogueError."""
    reading = _Reading()
    folder = folder or files("bot.catalogue")
    for file in sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name):
        document = reading.document(file)
        if file.name == EXCLUDED:
            reading.excluded |= reading.entries(Exclusion, document, file.name, "excluded")
        else:
            for model_id, model in reading.entries(Model, document, file.name, "models").items():
                if model_id in reading.models:
                    reading.problems.append(f"{file.name}: {model_id} is listed twice")
                reading.models[model_id] = model
    if not reading.models and not reading.problems:
        reading.problems.append(f"{folder}: no models found")
    if reading.problems:
        raise CatalogueError(reading.problems)
    return Catalogue(reading.models, reading.excluded)


class _Reading:
    """What has been read so far, and every problem on the way."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.excluded: dict[str, Exclusion] = {}
        self.problems: list[str] = []

    def document(self, file: Traversable) -> Any:
        try:
            return yaml.load(file.read_text(encoding="utf-8"), Loader=_Exact)  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            self.problems.append(f"{file.name}: not YAML: {' '.join(str(error).split())}")
            return {"models": [], "excluded": []}

    def parsed(self, kind: type[T], raw: Any, place: str) -> T | None:
        try:
            return kind.model_validate(raw)
        except ValidationError as error:
            self.problems += [
                f"{place}: {'.'.join(map(str, each['loc'])) or 'entry'}: {each['msg']}" for each in error.errors()
            ]
            return None

    def entries(self, kind: type[T], document: Any, name: str, key: str) -> dict[str, T]:
        """Return the entries of a file by id, without those that are wrong."""
        listed = document.get(key) if isinstance(document, dict) else None
        if not isinstance(listed, list):
            self.problems.append(f"{name}: {key}: expected a list of {key}")
            return {}
        found: dict[str, T] = {}
        for position, raw in enumerate(listed):
            called = f" ({raw['id']})" if isinstance(raw, dict) and "id" in raw else ""
            place = f"{name}: {key}[{position}]{called}"
            if (entry := self.parsed(kind, raw, place)) is not None:
                if raw["id"] in found:
                    self.problems.append(f"{place}: id: {raw['id']} is listed twice")
                found[raw["id"]] = entry
        return found


class _Exact(Loader):
    """YAML without its surprises: 0.8 is a decimal, `on` is a word, 16:9 is text, a key stands once."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base declares it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return mapping


def _decimal(loader: yaml.SafeLoader, node: yaml.Node) -> Decimal:
    return Decimal(str(loader.construct_scalar(node)))  # type: ignore[arg-type]  # resolvers match scalars only


_Exact.add_constructor("tag:yaml.org,2002:float", _decimal)
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?[0-9]+\.[0-9]+", "-0123456789"),
    ("null", r"~|null", "~n\0"),
    ("timestamp", r"\d{4}-\d\d-\d\d", "0123456789"),
):
    _Exact.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
