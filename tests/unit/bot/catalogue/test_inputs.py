"""Inputs are checked before anything is held: the field is named, the reason can be told."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from bot.catalogue import InputProblem, Model, check

MODEL = Model.model_validate(
    {
        "id": "m",
        "title": {"en": "M", "ru": "M"},
        "kind": "text-to-image",
        "family": "market",
        "slo": "image",
        "inputs": {
            "prompt": {"type": "string", "required": True, "max_length": 10, "min_length": 2},
            "size": {"type": "enum", "required": True, "enum": ["1:1", "4:3"], "default": "1:1"},
            "steps": {"type": "integer", "min": 1, "max": 9},
            "scale": {"type": "number", "min": Decimal("0.5"), "max": Decimal(2), "default": Decimal(1)},
            "sharp": {"type": "boolean"},
        },
        "price": {"rule": "flat", "credits": Decimal("0.8")},
        "snapshot": {"date": dt.date(2026, 1, 13), "source": "a list"},
    }
)


def test_defaults_are_filled_in_and_optional_inputs_left_out() -> None:
    """What comes out is complete, in the model's order."""
    assert list(check(MODEL, {"prompt": "  fox \n"}).items()) == [
        ("prompt", "fox"),
        ("size", "1:1"),
        ("scale", Decimal(1)),
    ]


def test_every_kind_of_input_is_taken() -> None:
    """Values within the limits pass unchanged."""
    given = {"prompt": "x" * 10, "size": "4:3", "steps": 9, "scale": Decimal("0.5"), "sharp": False}
    assert check(MODEL, given) == given


@pytest.mark.parametrize(
    ("given", "field", "reason", "found", "limit"),
    [
        ({}, "prompt", "missing", None, None),
        ({"prompt": " \n\t "}, "prompt", "missing", None, None),
        ({"prompt": "x"}, "prompt", "too_short", 1, 2),
        ({"prompt": "я" * 11}, "prompt", "too_long", 11, 10),
        ({"prompt": 5}, "prompt", "wrong_type", None, "string"),
        ({"prompt": "fox", "size": "5:4"}, "size", "not_offered", None, ("1:1", "4:3")),
        ({"prompt": "fox", "size": ["1:1"]}, "size", "not_offered", None, ("1:1", "4:3")),
        ({"prompt": "fox", "steps": 0}, "steps", "out_of_range", 0, (1, 9)),
        ({"prompt": "fox", "steps": 10}, "steps", "out_of_range", 10, (1, 9)),
        ({"prompt": "fox", "steps": True}, "steps", "wrong_type", None, "integer"),
        ({"prompt": "fox", "steps": Decimal(2)}, "steps", "wrong_type", None, "integer"),
        ({"prompt": "fox", "scale": 1.5}, "scale", "wrong_type", None, "number"),
        ({"prompt": "fox", "scale": Decimal("NaN")}, "scale", "wrong_type", None, "number"),
        ({"prompt": "fox", "scale": 3}, "scale", "out_of_range", 3, (Decimal("0.5"), Decimal(2))),
        ({"prompt": "fox", "sharp": 1}, "sharp", "wrong_type", None, "boolean"),
        ({"prompt": "fox", "seed": 1}, "seed", "unknown_field", None, None),
    ],
)
def test_a_bad_input_is_named_with_its_reason(
    given: dict[str, object], field: str, reason: str, found: object, limit: object
) -> None:
    """The first bad field, what is wrong with it, how much was found and how much is allowed."""
    with pytest.raises(InputProblem) as told:
        check(MODEL, given)
    problem = told.value
    assert (problem.field, problem.reason, problem.found, problem.limit) == (field, reason, found, limit)
