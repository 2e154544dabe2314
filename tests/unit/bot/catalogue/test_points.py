"""Every price point that the lists of facts name, asked of the shipped catalogue one by one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from bot import pricing
from bot.catalogue import File, InputProblem, Media, Model, Text, Value, check, load

CATALOGUE = load()
IMAGE = File("picture", "image", width=1024, height=1024)


def audio(seconds: int) -> tuple[File, ...]:
    return (File("voice", "audio", seconds=seconds),)


def video(seconds: int) -> tuple[File, ...]:
    return (File("clip", "video", seconds=seconds),)


def picture(width: int, height: int) -> tuple[File, ...]:
    return (File("picture", "image", width=width, height=height),)


def quoted(model: Model, given: Mapping[str, object]) -> dict[str, Value]:
    """Return complete inputs, with words and files for what the case does not care about."""
    inputs: dict[str, object] = {}
    for name, rule in model.inputs.items():
        if rule.required and isinstance(rule, Text):
            inputs[name] = "a fox"
        elif rule.required and isinstance(rule, Media):
            inputs[name] = {"image": (IMAGE,), "audio": audio(1), "video": video(1)}[rule.media]
    return check(model, {**inputs, **given})


FLAT = {
    "z-image": "0.8",
    "bytedance/seedream": "3.5",
    "bytedance/seedream-v4-edit": "5",
    "bytedance/seedream-v4-text-to-image": "5",
    "google/imagen4": "8",
    "google/imagen4-fast": "4",
    "google/imagen4-ultra": "12",
    "google/nano-banana": "4",
    "google/nano-banana-edit": "4",
    "grok-imagine/image-to-image": "4",
    "grok-imagine/text-to-image": "4",
    "hailuo/02-image-to-video-pro": "57",
    "hailuo/02-text-to-video-pro": "57",
    "qwen/image-edit": "6",
    "qwen/text-to-image": "4",
    "recraft/crisp-upscale": "0.5",
    "recraft/remove-background": "1",
    "seedream/4.5-edit": "6.5",
    "seedream/4.5-text-to-image": "6.5",
    "V4": "12",
    "suno/v5": "12",
}
BY_ONE = {
    ("flux-2/flex-image-to-image", "resolution"): {"1K": "14", "2K": "24"},
    ("flux-2/flex-text-to-image", "resolution"): {"1K": "14", "2K": "24"},
    ("flux-2/pro-image-to-image", "resolution"): {"1K": "5", "2K": "7"},
    ("flux-2/pro-text-to-image", "resolution"): {"1K": "5", "2K": "7"},
    ("flux/kontext", "model"): {"flux-kontext-pro": "5", "flux-kontext-max": "10"},
    ("gpt-image/1.5-image-to-image", "quality"): {"medium": "4", "high": "22"},
    ("gpt-image/1.5-text-to-image", "quality"): {"medium": "4", "high": "22"},
    ("grok-imagine/image-to-video", "resolution"): {"480p": "9.6", "720p": "18"},
    ("grok-imagine/text-to-video", "resolution"): {"480p": "9.6", "720p": "18"},
    ("hailuo/02-text-to-video-standard", "duration"): {"6": "30", "10": "50"},
    ("ideogram/character", "rendering_speed"): {"TURBO": "12", "BALANCED": "18", "QUALITY": "24"},
    ("ideogram/character-edit", "rendering_speed"): {"TURBO": "12", "BALANCED": "18", "QUALITY": "24"},
    ("ideogram/character-remix", "rendering_speed"): {"TURBO": "12", "BALANCED": "18", "QUALITY": "24"},
    ("ideogram/v3-edit", "rendering_speed"): {"TURBO": "3.5", "BALANCED": "7", "QUALITY": "10"},
    ("ideogram/v3-reframe", "rendering_speed"): {"TURBO": "3.5", "BALANCED": "7", "QUALITY": "10"},
    ("ideogram/v3-remix", "rendering_speed"): {"TURBO": "3.5", "BALANCED": "7", "QUALITY": "10"},
    ("ideogram/v3-text-to-image", "rendering_speed"): {"TURBO": "3.5", "BALANCED": "7", "QUALITY": "10"},
    ("kling/v2-1-master-image-to-video", "duration"): {"5": "160", "10": "320"},
    ("kling/v2-1-master-text-to-video", "duration"): {"5": "160", "10": "320"},
    ("kling/v2-1-pro", "duration"): {"5": "50", "10": "100"},
    ("kling/v2-1-standard", "duration"): {"5": "25", "10": "50"},
    ("kling/v2-5-turbo-image-to-video-pro", "duration"): {"5": "42", "10": "84"},
    ("kling/v2-5-turbo-text-to-video-pro", "duration"): {"5": "42", "10": "84"},
    ("nano-banana-pro", "resolution"): {"1K": "18", "2K": "18", "4K": "24"},
    ("openai/4o-image", "nVariants"): {"1": "6", "2": "7", "4": "8"},
    ("topaz/image-upscale", "upscale_factor"): {"1": "10", "2": "20", "4": "20", "8": "40"},
    ("veo3_fast", "model"): {"veo3_fast": "60", "veo3": "250"},
    ("wan/2-2-a14b-image-to-video-turbo", "resolution"): {"480p": "40", "580p": "60", "720p": "80"},
    ("wan/2-2-a14b-text-to-video-turbo", "resolution"): {"480p": "40", "580p": "60", "720p": "80"},
}
PER_SECOND_OF_LENGTH = {
    "bytedance/v1-lite-image-to-video": {"480p": "2", "720p": "4.5", "1080p": "10"},
    "bytedance/v1-lite-text-to-video": {"480p": "2", "720p": "4.5", "1080p": "10"},
    "bytedance/v1-pro-image-to-video": {"480p": "2.8", "720p": "6", "1080p": "14"},
    "bytedance/v1-pro-text-to-video": {"480p": "2.8", "720p": "6", "1080p": "14"},
}
WAN_2_5 = {("720p", "5"): "60", ("1080p", "5"): "100", ("720p", "10"): "120", ("1080p", "10"): "200"}
WAN_2_6 = {("720p", "5"): "70", ("720p", "10"): "140", ("1080p", "5"): "104.5", ("1080p", "10"): "209.5"}
LONG = {("720p", "15"): "210", ("1080p", "15"): "315"}
BY_RESOLUTION_AND_DURATION = {
    "bytedance/v1-pro-fast-image-to-video": {
        ("720p", "5"): "16",
        ("720p", "10"): "36",
        ("1080p", "5"): "36",
        ("1080p", "10"): "72",
    },
    "hailuo/02-image-to-video-standard": {
        ("512P", "6"): "12",
        ("512P", "10"): "20",
        ("768P", "6"): "30",
        ("768P", "10"): "50",
    },
    "hailuo/2-3-image-to-video-pro": {("768P", "6"): "45", ("768P", "10"): "90", ("1080P", "6"): "80"},
    "hailuo/2-3-image-to-video-standard": {("768P", "6"): "30", ("768P", "10"): "50", ("1080P", "6"): "50"},
    "wan/2-5-image-to-video": WAN_2_5,
    "wan/2-5-text-to-video": WAN_2_5,
    "wan/2-6-image-to-video": WAN_2_6 | LONG,
    "wan/2-6-text-to-video": WAN_2_6 | LONG,
    "wan/2-6-video-to-video": WAN_2_6,
}
OTHERS: list[tuple[str, Mapping[str, object], str]] = [
    *((name, {"duration": "5"}, "55") for name in ("kling-2.6/text-to-video", "kling-2.6/image-to-video")),
    *((name, {"duration": "10"}, "110") for name in ("kling-2.6/text-to-video", "kling-2.6/image-to-video")),
    *((name, {"sound": True}, "110") for name in ("kling-2.6/text-to-video", "kling-2.6/image-to-video")),
    *(
        (name, {"duration": "10", "sound": True}, "220")
        for name in ("kling-2.6/text-to-video", "kling-2.6/image-to-video")
    ),
    ("bytedance/seedance-1.5-pro", {"duration": "4"}, "14"),
    ("bytedance/seedance-1.5-pro", {"duration": "12"}, "42"),
    ("bytedance/seedance-1.5-pro", {"duration": "12", "generate_audio": True}, "84"),
    ("elevenlabs/audio-isolation", {"audio_url": audio(60)}, "12"),
    ("elevenlabs/sound-effect-v2", {"duration_seconds": 10}, "2.4"),
    ("elevenlabs/speech-to-text", {"audio_url": audio(60)}, "3.5"),
    ("elevenlabs/speech-to-text", {"audio_url": audio(61)}, "7"),
    ("elevenlabs/text-to-speech-turbo-2-5", {"text": "x" * 1000}, "6"),
    ("elevenlabs/text-to-speech-turbo-2-5", {"text": "x" * 1500}, "9"),
    ("infinitalk/from-audio", {"audio_url": audio(15)}, "45"),
    ("infinitalk/from-audio", {"audio_url": audio(15), "resolution": "720p"}, "180"),
    ("kling-2.6/motion-control", {"video_urls": video(7)}, "77"),
    ("kling-2.6/motion-control", {"video_urls": video(7), "mode": "1080p"}, "126"),
    ("kling/ai-avatar-v1-pro", {"audio_url": audio(15)}, "240"),
    ("kling/v1-avatar-standard", {"audio_url": audio(15)}, "120"),
    ("qwen/image-to-image", {"image_url": picture(1024, 1024)}, "4"),
    ("qwen/image-to-image", {"image_url": picture(1024, 1025)}, "8"),
    ("qwen/image-to-image", {"image_url": picture(4000, 3000)}, "48"),
    ("runway/gen-4", {"duration": "5"}, "12"),
    ("runway/gen-4", {"duration": "10"}, "30"),
    ("runway/gen-4", {"quality": "1080p"}, "30"),
    ("topaz/video-upscale", {"video_url": video(10), "upscale_factor": "1"}, "80"),
    ("topaz/video-upscale", {"video_url": video(10), "upscale_factor": "2"}, "80"),
    ("topaz/video-upscale", {"video_url": video(10), "upscale_factor": "4"}, "140"),
    ("wan/2-2-a14b-speech-to-video-turbo", {"num_frames": "80"}, "60"),
    ("wan/2-2-a14b-speech-to-video-turbo", {"num_frames": "80", "resolution": "580p"}, "90"),
    ("wan/2-2-a14b-speech-to-video-turbo", {"num_frames": "112", "resolution": "720p"}, "168"),
    *(
        (name, {"video_url": video(3), "resolution": size}, credits_)
        for name in ("wan/2-2-animate-move", "wan/2-2-animate-replace")
        for size, credits_ in (("480p", "18"), ("580p", "28.5"), ("720p", "37.5"))
    ),
]
POINTS: list[tuple[str, Mapping[str, object], str]] = [
    *((name, {}, credits_) for name, credits_ in FLAT.items()),
    *(
        (name, {field: choice}, credits_)
        for (name, field), points in BY_ONE.items()
        for choice, credits_ in points.items()
    ),
    *(
        (name, {"resolution": size, "duration": length}, str(Decimal(rate) * int(length)))
        for name, rates in PER_SECOND_OF_LENGTH.items()
        for size, rate in rates.items()
        for length in ("5", "10")
    ),
    *(
        (name, {"resolution": size, "duration": length}, credits_)
        for name, points in BY_RESOLUTION_AND_DURATION.items()
        for (size, length), credits_ in points.items()
    ),
    *OTHERS,
]


@pytest.mark.parametrize(("name", "given", "credits_"), POINTS)
def test_the_price_is_the_point_of_the_list(name: str, given: Mapping[str, object], credits_: str) -> None:
    """Exactly what the provider takes; the user's price is that, rounded up to a tenth of a credit."""
    model = CATALOGUE.models[name]
    inputs = quoted(model, given)
    assert pricing.provider_credits(model, inputs) == Decimal(credits_)
    assert pricing.price(model, inputs) == -(-Decimal(credits_) * 10 // 1) * 100


def test_no_model_on_sale_is_without_a_point() -> None:
    """A model that is added is added here too, with what its list says."""
    assert {name for name, _, _ in POINTS} == set(CATALOGUE.models)


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("bytedance/seedance-1.5-pro", {"resolution": "480p"}, "resolution"),
        ("grok-imagine/text-to-video", {"mode": "spicy"}, "mode"),
        ("wan/2-6-video-to-video", {"duration": "15"}, "duration"),
        ("google/imagen4-fast", {"num_images": "4"}, "num_images"),
        ("ideogram/character", {"num_images": "4"}, "num_images"),
        ("bytedance/seedream-v4-edit", {"max_images": 6}, "max_images"),
        ("kling/ai-avatar-v1-pro", {"audio_url": audio(16)}, "audio_url"),
        ("topaz/image-upscale", {"image_url": picture(4000, 3000)}, "image_url"),
        ("qwen/image-to-image", {"image_url": (File("document", "image"),)}, "image_url"),
    ],
)
def test_what_nobody_knows_the_price_of_cannot_be_asked_for(name: str, given: Mapping[str, object], field: str) -> None:
    """A guess would cost the user or the operator: the field is named instead."""
    with pytest.raises(InputProblem) as told:
        quoted(CATALOGUE.models[name], given)
    assert told.value.field == field
