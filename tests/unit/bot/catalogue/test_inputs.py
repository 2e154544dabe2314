"""Inputs are checked before anything is held: the field is named, the reason can be told."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from bot.catalogue import File, InputProblem, Model, check, check_one, load, offered

MODEL = Model.model_validate(
    {
        "id": "m",
        "title": {"en": "M", "ru": "M"},
        "about": {"en": "M", "ru": "M"},
        "kind": "text-to-image",
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


PHOTO = File("photo", "image", size=90_000, mime="image/jpeg", width=1280, height=960)
VOICE = File("voice", "audio", size=90_000, mime="audio/ogg", seconds=9)
SPOKEN = MODEL.model_validate(
    MODEL.model_dump()
    | {
        "inputs": {
            "photos": {
                "type": "media",
                "media": "image",
                "required": True,
                "many": True,
                "min_count": 2,
                "max_count": 3,
            },
            "voice": {"type": "media", "media": "audio", "required": True, "max_seconds": 15, "max_bytes": 100_000},
            "frame": {"type": "media", "media": "image", "max_megapixels": 2},
        },
        "price": {
            "rule": "per_second",
            "of": "voice",
            "rate": {"rule": "flat", "credits": Decimal(3)},
        },
    }
)
FILES: dict[str, object] = {"photos": (PHOTO, PHOTO), "voice": (VOICE,)}


def test_files_within_the_limits_are_taken() -> None:
    """Also those of which Telegram told little; an optional file may be left out, or be none."""
    assert check(SPOKEN, FILES) == FILES
    assert check(SPOKEN, {**FILES, "frame": ()}) == FILES
    bare = File("bare", "image")
    assert check(SPOKEN, {**FILES, "photos": (bare, bare)})["photos"] == (bare, bare)


@pytest.mark.parametrize(
    ("field", "value", "reason", "found", "limit"),
    [
        ("photos", (), "missing", None, None),
        ("photos", (PHOTO,), "too_few", 1, 2),
        ("photos", (PHOTO,) * 4, "too_many", 4, 3),
        ("photos", [PHOTO, PHOTO], "wrong_type", None, "image"),
        ("photos", "photo", "wrong_type", None, "image"),
        ("photos", (PHOTO, VOICE), "wrong_medium", "audio", "image"),
        (
            "photos",
            (PHOTO, File("gif", "image", mime="image/gif")),
            "wrong_format",
            "image/gif",
            ("image/jpeg", "image/png", "image/webp"),
        ),
        ("photos", (PHOTO, File("big", "image", size=10_000_001)), "too_large", 10_000_001, 10_000_000),
        ("voice", (File("big", "audio", size=100_001, seconds=5),), "too_large", 100_001, 100_000),
        ("voice", (File("long", "audio", seconds=16),), "lasts_too_long", 16, 15),
        ("voice", (File("document", "audio"),), "unmeasured", None, "second"),
        ("frame", (File("f", "image", width=2048, height=1025),), "too_many_pixels", 2_099_200, 2_097_152),
    ],
)
def test_a_bad_file_is_named_with_its_reason(
    field: str, value: object, reason: str, found: object, limit: object
) -> None:
    """Count, medium, format, size, length, and a length that the price needs and Telegram did not tell."""
    with pytest.raises(InputProblem) as told:
        check(SPOKEN, {**FILES, field: value})
    problem = told.value
    assert (problem.field, problem.reason, problem.found, problem.limit) == (field, reason, found, limit)


def test_one_input_can_be_checked_before_the_others_are_known() -> None:
    """A chat asks for one at a time."""
    assert check_one(SPOKEN, "voice", (VOICE,)) == (VOICE,)
    with pytest.raises(InputProblem, match="voice: unmeasured"):
        check_one(SPOKEN, "voice", (File("document", "audio"),))
    with pytest.raises(InputProblem, match="seed: unknown_field"):
        check_one(SPOKEN, "seed", 1)


@pytest.mark.parametrize(
    ("model_id", "given", "field", "sold"),
    [
        ("hailuo/2-3-image-to-video-pro", {"duration": "10", "resolution": "1080P"}, "resolution", ("768P",)),
        ("hailuo/2-3-image-to-video-standard", {"duration": "10", "resolution": "1080P"}, "resolution", ("768P",)),
        ("runway/gen-4", {"duration": "10", "quality": "1080p"}, "quality", ("720p",)),
    ],
)
def test_a_combination_that_is_not_sold_is_refused_before_anything_is_held(
    model_id: str, given: dict[str, object], field: str, sold: tuple[str, ...]
) -> None:
    """The field is named with the choices that are sold beside the others, and a menu offers no other."""
    model = load().models[model_id]
    files = {"image_url": (PHOTO,)} if "image_url" in model.inputs else {}
    with pytest.raises(InputProblem) as told:
        check(model, {"prompt": "fox", **files, **given})
    assert (told.value.field, told.value.reason, told.value.limit) == (field, "not_sold", sold)
    assert offered(model, field, {"duration": "10"}) == sold
    assert len(offered(model, field, {})) == 2
    assert offered(model, "duration", {field: told.value.found}) == (offered(model, "duration", {})[0],)  # type: ignore[dict-item]  # a choice
