"""What a finished task brings: files of its medium, or words. Blocking: call it in a thread."""

from __future__ import annotations

from typing import Final

from bot.sandbox.clip import clip
from bot.sandbox.fields import Medium
from bot.sandbox.melody import melody
from bot.sandbox.picture import draw

HEARD: Final = (
    "Good morning. The rain has stopped, and the boats are going out.",
    "One, two, three. This is a recording made for trying things out.",
    "Please remember to water the plants before you leave on Friday.",
)


def make(medium: Medium, prompt: str, shape: str, count: int) -> list[tuple[str, bytes]]:
    """Return the files, each with the ending of its name."""
    match medium:
        case "image":
            return [(".jpg", draw(prompt, shape, variant)) for variant in range(count)]
        case "video":
            return [(".mp4", clip(prompt))]
        case "audio":
            return [(".mp3", melody(prompt, variant)) for variant in range(count)]
        case "text":
            return []


def heard(seed: str) -> str:
    """Return what a recording is said to say; the same task always hears the same."""
    return HEARD[sum(seed.encode()) % len(HEARD)]
