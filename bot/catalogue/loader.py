"""Reads the catalogue; an error names the file, the model and the field, and all of them are told at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml
from pydantic import ValidationError

from bot.catalogue.entry import Model


class CatalogueError(ValueError):
    """The catalogue cannot be sold from: each line of the message is one problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the catalogue has errors; correct these entries:\n" + "\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models on sale, by id."""

    models: Mapping[str, Model]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def __len__(self) -> int:
        return len(self.models)

    def get(self, model_id: str) -> Model | None:
        """Return the model, or None when it is not on sale (any more)."""
        return self.models.get(model_id)


def load(folder: Traversable | None = None) -> Catalogue:
    """Read every `*.yaml` of the folder (by default the one shipped) or raise CatalogueError."""
    models: dict[str, Model] = {}
    problems: list[str] = []
    folder = folder or files("bot.catalogue")
    for file in sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name):
        for position, raw in enumerate(_entries(file, problems)):
            name = f"{file.name}: models[{position}]" + (
                f" ({raw['id']})" if isinstance(raw, dict) and "id" in raw else ""
            )
            try:
                model = Model.model_validate(raw)
            except ValidationError as error:
                problems += [
                    f"{name}: {'.'.join(map(str, each['loc'])) or 'entry'}: {each['msg']}" for each in error.errors()
                ]
                continue
            if model.id in models:
                problems.append(f"{name}: id: {model.id} is listed twice")
            models[model.id] = model
    if not models and not problems:
        problems.append(f"{folder}: no models found")
    if problems:
        raise CatalogueError(problems)
    return Catalogue(models)


def _entries(file: Traversable, problems: list[str]) -> list[Any]:
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_Exact)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        problems.append(f"{file.name}: not YAML: {' '.join(str(error).split())}")
        return []
    entries = document.get("models") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        problems.append(f"{file.name}: models: expected a list of models")
        return []
    return entries


class _Exact(yaml.SafeLoader):
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
    ("null", r"~|null|", "~n\0"),
    ("timestamp", r"\d{4}-\d\d-\d\d", "0123456789"),
):
    _Exact.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
