"""What the sandbox's provider brings: real files of each medium, the same for the same words."""

from __future__ import annotations

import pytest

from bot.probe import Measures, measure
from bot.sandbox.clip import CLIPS, clip
from bot.sandbox.fields import Medium
from bot.sandbox.melody import FRAME, melody
from bot.sandbox.results import heard, make


def test_a_clip_is_an_mp4_of_three_seconds() -> None:
    """Each of the recordings, and with the prompt's mark behind it."""
    for recording in (*(path.read_bytes() for path in CLIPS), clip("a fox")):
        assert measure(recording) == Measures(3, 288, 162)
    assert len({clip(prompt)[:6000] for prompt in map(str, range(20))}) == len(CLIPS)


def test_a_melody_is_whole_frames_of_mp3() -> None:
    """Six seconds, every frame with its own header."""
    sound = melody("a song")
    assert round(measure(sound).seconds) == 6
    assert {sound[at : at + 2] for at in range(0, len(sound), FRAME)} == {b"\xff\xf3"}


@pytest.mark.parametrize(("medium", "count"), [("video", 1), ("audio", 2), ("image", 2)])
def test_the_same_words_bring_the_same_and_others_others(medium: Medium, count: int) -> None:
    """Also among several results of one task."""
    first, again, other = (make(medium, prompt, "1:1", count) for prompt in ("a fox", "a fox", "an owl"))
    assert first == again
    assert len({content for _, content in (*first, *other)}) == 2 * count


def test_a_recording_is_heard_as_words() -> None:
    """No file, and always the same text."""
    assert make("text", "", "1:1", 1) == []
    assert heard("task") == heard("task") != ""
