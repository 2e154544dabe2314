"""The models on sale: typed entries in YAML files, one file a maker; adding a model is one entry and no code."""

from __future__ import annotations

from bot.catalogue.entry import CATEGORIES, Category, Family, Model, Result
from bot.catalogue.fields import AnyInput, Choice, Flag, Input, Integer, Media, Number, Text
from bot.catalogue.file import File, Medium, Value
from bot.catalogue.inputs import InputProblem, check, check_one, offered
from bot.catalogue.loader import Catalogue, CatalogueError, load
from bot.catalogue.price import Flat, Metered, Table

__all__ = [
    "CATEGORIES",
    "AnyInput",
    "Catalogue",
    "CatalogueError",
    "Category",
    "Choice",
    "Family",
    "File",
    "Flag",
    "Flat",
    "Input",
    "InputProblem",
    "Integer",
    "Media",
    "Medium",
    "Metered",
    "Model",
    "Number",
    "Result",
    "Table",
    "Text",
    "Value",
    "check",
    "check_one",
    "load",
    "offered",
]
