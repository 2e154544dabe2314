"""The models on sale: typed entries in YAML files, one file a vendor; adding a model is one entry and no code."""

from __future__ import annotations

from bot.catalogue.entry import Choice, Flag, Flat, Input, Integer, Model, Number, Text, Value
from bot.catalogue.inputs import InputProblem, check
from bot.catalogue.loader import Catalogue, CatalogueError, load

__all__ = [
    "Catalogue",
    "CatalogueError",
    "Choice",
    "Flag",
    "Flat",
    "Input",
    "InputProblem",
    "Integer",
    "Model",
    "Number",
    "Text",
    "Value",
    "check",
    "load",
]
