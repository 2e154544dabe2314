"""The sandbox's wires: every line can be read, what is refused names its field, and prices follow the inputs."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.fields import Field
from bot.sandbox.models import MODELS, count_of, problem, shape_of

FOX = {"prompt": "fox", "aspect_ratio": "1:1"}
SONG = {"prompt": "a song", "customMode": False, "instrumental": True}
CLIP = {"prompt": "a cat", "duration": 5, "quality": "720p"}


def test_every_family_has_models_and_every_result_a_medium() -> None:
    """135 of the market's own records, some of its price list, and those of the other families."""
    assert {model.family for model in MODELS.values()} == {"market", "veo", "suno", "runway", "gpt4o", "kontext"}
    assert {model.medium for model in MODELS.values()} == {"image", "video", "audio", "text"}
    assert sum(model.family == "market" for model in MODELS.values()) == 145


@pytest.mark.parametrize(
    ("family", "model_id", "given", "said"),
    [
        ("market", None, FOX, "model is required"),
        ("market", "z-imagine", FOX, "z-imagine"),
        ("veo", "z-image", FOX, "not supported"),
        ("market", "z-image", [], "input is required"),
        ("market", "z-image", {"aspect_ratio": "1:1"}, "prompt is required"),
        ("market", "z-image", FOX | {"prompt": "  "}, "prompt is required"),
        ("market", "z-image", FOX | {"prompt": 5}, "prompt must be text"),
        ("market", "z-image", FOX | {"prompt": "x" * 1001}, "at most 1000 characters"),
        ("market", "z-image", FOX | {"aspect_ratio": "2:1"}, "aspect_ratio is not within"),
        ("market", "z-image", FOX | {"colour": "red"}, "colour is not an input of z-image"),
        ("suno", "V4", SONG | {"prompt": "x" * 501}, "at most 500"),
        ("suno", "V4", SONG | {"customMode": True}, "style is required"),
        ("suno", "V4", SONG | {"customMode": "no"}, "customMode must be true or false"),
        ("runway", "runway", CLIP | {"duration": 10, "quality": "1080p"}, "5 seconds only"),
    ],
)
def test_a_wrong_task_is_told_by_its_field(family: str, model_id: object, given: object, said: str) -> None:
    """One problem at a time, in the provider's manner."""
    assert said in problem(family, model_id, given)


@pytest.mark.parametrize(
    ("check", "fits", "wrong"),
    [
        ("bool", [True, False], [1, "true"]),
        ("int", [0, -5], [True, 1.0, "1"]),
        ("num", [0, 1.5], [True, "1"]),
        ("0.5..1", [0.5, 1], [0.4, 1.1, "1", True]),
        ("5,10", ["5", 10], ["6", True]),
        ("str", ["x"], [5]),
        ("url", ["http://a"], [["http://a"], 5]),
        ("urls", [["http://a"]], ["http://a", [5]]),
        ("", [5, "x", [1]], []),
    ],
)
def test_a_check_takes_what_it_says(check: str, fits: list[Any], wrong: list[Any]) -> None:
    """By type, by range, by list."""
    field = Field("value", True, check)
    assert [field.problem(value) for value in fits] == [""] * len(fits)
    assert all(field.problem(value) for value in wrong)
    assert field.problem(None) == "is required"
    assert Field("value", False, check).problem(None) == ""


def test_addresses_are_known_by_their_names_too() -> None:
    """Where the records say nothing of an input, its name does."""
    assert [Field(name, True, "").form for name in ("first_frame_url", "image_urls", "filesUrl", "prompt")] == [
        *("url", "urls", "urls"),
        "",
    ]
    assert [Field(name, True, "").medium for name in ("mask_url", "video_urls", "driving_audio_url")] == [
        *("image", "video", "audio"),
    ]


@pytest.mark.parametrize(
    ("family", "model_id", "given", "credits"),
    [
        ("market", "z-image", {}, 0.8),
        ("market", "flux-2/pro-text-to-image", {"resolution": "2K"}, 7),
        ("market", "kling-2.6/text-to-video", {"duration": "10", "sound": True}, 220),
        ("market", "wan/2-6-text-to-video", {"duration": "15", "resolution": "1080p"}, 315),
        ("market", "bytedance/v1-lite-text-to-video", {"duration": "10", "resolution": "1080p"}, 100),
        ("market", "infinitalk/from-audio", {"resolution": "720p"}, 60),
        ("market", "elevenlabs/text-to-speech-turbo-2-5", {"text": "x" * 500}, 3),
        ("market", "kling-3.0/video", {}, 40),
        ("gpt4o", "gpt4o-image", {"nVariants": 4}, 8),
    ],
)
def test_the_charge_follows_the_inputs(family: str, model_id: str, given: dict[str, Any], credits: float) -> None:  # noqa: A002 - the wire's word
    """As the price lists say, by the second and the letter too; a rule of thumb where they say nothing."""
    assert MODELS[family, model_id].price(given) == credits


def test_what_is_paid_by_the_second_counts_the_file() -> None:
    """Unless the inputs say how long, or nobody knows."""
    clip, song = MODELS["market", "bytedance/v1-lite-text-to-video"], MODELS["market", "elevenlabs/audio-isolation"]
    assert (song.price({}, 30), song.price({}), clip.price({"duration": "10"}, 30)) == (6, 1, 45)
    assert MODELS["market", "elevenlabs/speech-to-text"].price({}, 120) == 7


def test_results_have_the_shape_and_the_number_that_was_asked_for() -> None:
    """Whatever the family calls them; nonsense is a square, once."""
    assert [
        shape_of(given) for given in ({"aspectRatio": "9:16"}, {"image_size": "landscape_4_3"}, {"size": "3:2"})
    ] == [
        *("9:16", "4:3", "4:3"),
    ]
    assert (shape_of({}), shape_of({"aspect_ratio": "auto"})) == ("1:1", "1:1")
    image = MODELS["market", "ideogram/character"]
    assert [count_of(image, {"num_images": asked}) for asked in ("3", 4, "many", 99, None)] == [3, 4, 1, 6, 1]
    assert count_of(MODELS["suno", "V5"], {}) == 2
