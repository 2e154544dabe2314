"""Step by step to a quote: what is asked, what is taken, and what is said about everything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bot.accounts import Balance
from tests.integration.bot.handlers.walk import document, photo, video, voice

if TYPE_CHECKING:
    from tests.integration.bot.handlers.walk import Screen, Walk

GROUP = -100_500


async def begin(walk: Walk, category: str, model: str) -> Screen:
    """Go through the menu and press Create."""
    await walk.say("/models")
    for start in (category, model):
        label = next(each for each in walk.now.buttons if each.startswith(start))
        await walk.press(label)
    return await walk.press("Create" if walk.language == "en" else "Создать")


async def inputs(walk: Walk) -> dict[str, Any]:
    """Return the inputs of the newest quote."""
    found: dict[str, Any] = json.loads(
        await walk.talk.house.bank.value("SELECT inputs FROM generation ORDER BY id DESC LIMIT 1")
    )
    return found


async def test_a_photo_that_comes_before_the_words_is_taken_with_what_stands_under_it(walk: Walk) -> None:
    """Words are asked first; a photo goes where one is needed, and its caption is the words."""
    await begin(walk, "Edit", "Nano Banana Edit")
    asked = await walk.say(**photo())
    assert asked.text.startswith("Nano Banana Edit\nPhotos: 1 photo\n\nDescription\nWrite it in a message")
    quote = await walk.say(**photo("second"), caption="make it night")
    assert quote.text.startswith("make it night\nPhotos: 2 photos\nNano Banana Edit · ")


async def test_required_inputs_are_asked_in_the_model_s_order(walk: Walk) -> None:
    """Photo, voice, words; then the exact price: nine seconds at 16 credits each."""
    asked = await begin(walk, "Animate", "Talking Head")
    assert asked.text == "Talking Head\n\nPhoto\nSend me a photo.\nUp to 10 MB; JPEG, PNG, WEBP."
    assert list(asked.buttons) == ["Cancel"]
    asked = await walk.say(**photo())
    assert "Send me an audio file or a voice message.\nUp to 10 MB and 15 s" in asked.text
    asked = await walk.say(**voice(seconds=9))
    assert "Photo: 1 photo\nRecording: 1 recording\n" in asked.text
    quote = await walk.say("Good <b>morning</b> & more")
    assert quote.text == (
        "Good <b>morning</b> & more\nPhoto: 1 photo\nRecording: 1 recording\nTalking Head · 144 credits\n"
        "You have 300 credits.\n\nShall I begin? Press Generate."
    )
    assert await inputs(walk) == {
        "image_url": [
            {
                "file": {
                    "file_id": "photo-1",
                    "media": "image",
                    "size": 200_000,
                    "mime": "image/jpeg",
                    "width": 1024,
                    "height": 1024,
                }
            }
        ],
        "audio_url": [
            {"file": {"file_id": "voice-1", "media": "audio", "size": 60_000, "mime": "audio/ogg", "seconds": 9}}
        ],
        "prompt": "Good <b>morning</b> & more",
    }
    await walk.press("Generate")
    assert await walk.talk.balance() == Balance(156_000, 144_000)


async def test_choices_flags_and_numbers_are_buttons_and_can_be_typed(walk: Walk) -> None:
    """A word of the list in any case, yes or no, a number with a point or a comma."""
    await begin(walk, "Music", "Voice")
    asked = await walk.say("Hello")
    assert list(asked.buttons) == ["Yes", "No", "Cancel"]
    asked = await walk.say("yes")
    assert list(asked.buttons) == ["0.5", "0.88", "1.25", "1.62", "2", "Cancel"]
    asked = await walk.say("1,5")
    assert list(asked.buttons) == ["1", "2", "3", "4", "Cancel"]
    await walk.press("3")
    assert await inputs(walk) == {"text": "Hello", "sound": True, "speed": {"decimal": "1.5"}, "num_images": 3}
    await begin(walk, "Video", "Clip")
    asked = await walk.say("a fox")
    assert list(asked.buttons) == ["6 s", "10 s", "Cancel"]
    await walk.say("10 S")
    assert (await inputs(walk))["duration"] == "10"


async def test_numbers_are_taken_from_buttons_as_well(walk: Walk) -> None:
    """The offered points of a range are its own values."""
    await begin(walk, "Music", "Voice")
    await walk.say("Hello")
    await walk.press("No")
    await walk.press("0.88")
    await walk.press("4")
    assert await inputs(walk) == {"text": "Hello", "sound": False, "speed": {"decimal": "0.88"}, "num_images": 4}


Bad = tuple[str, str, list[dict[str, Any]], dict[str, Any], str]
BAD: list[Bad] = [
    ("Animate", "Talking Head", [], {"text": "a fox"}, "Photo: here I need a photo."),
    ("Animate", "Talking Head", [], voice(), "Photo: that is an audio file, and I need a photo here."),
    (
        "Animate",
        "Talking Head",
        [],
        document("image/gif"),
        "Photo: this file is GIF; this model takes JPEG, PNG, WEBP.",
    ),
    ("Animate", "Talking Head", [], document("application/pdf"), "Photo: here I need a photo."),
    ("Animate", "Talking Head", [], document(None), "Photo: here I need a photo."),
    ("Animate", "Talking Head", [], photo(size=10_000_001), "Photo: this file is 10.1 MB, and the most is 10 MB."),
    ("Animate", "Talking Head", [], {"dice": {"emoji": "🎲", "value": 1}}, "Photo: here I need a photo."),
    (
        "Animate",
        "Talking Head",
        [photo()],
        voice(seconds=16),
        "Recording: this lasts 16 s, and the most is 15 s. Please send a shorter one.",
    ),
    ("Animate", "Talking Head", [photo()], photo(), "Recording: that is a photo, and I need an audio file here."),
    ("Animate", "Talking Head", [photo()], document("audio/mpeg"), "Recording: I cannot see how long this file lasts"),
    (
        "Enhance",
        "Watch",
        [],
        video(size=20_000_001),
        "Video: this file is 20.1 MB; Telegram lets me fetch up to 20 MB.",
    ),
    (
        "Enhance",
        "Sharp",
        [],
        photo(width=4000, height=3000),
        "Photo: this picture has 11.5 megapixels, and the most is 4 meg",
    ),
    ("Enhance", "Sharp", [], document("image/png"), "Photo: I cannot see how long this file lasts or how large"),
    ("Video", "Clip", [], {"text": "ab"}, "Description: 2 characters is too little, at least 3 are needed."),
    ("Video", "Clip", [], {"text": "x" * 501}, "Description: 501 characters is more than I can take, the most is 500"),
    ("Video", "Clip", [], photo(), "Description: here I need words, written in a message."),
    ("Video", "Clip", [], {"text": "\u0000"}, "Description: here I need words, written in a message."),
    ("Video", "Clip", [{"text": "a fox"}], {"text": "11"}, "Length: please choose one of these: 6 s, 10 s."),
    ("Music", "Voice", [{"text": "Hello"}], {"text": "maybe"}, "Sound: please choose with one of the buttons."),
    (
        "Music",
        "Voice",
        [{"text": "Hi"}, {"text": "no"}],
        {"text": "fast"},
        "Speed: here I need a number from 0.5 to 2.",
    ),
    (
        "Music",
        "Voice",
        [{"text": "Hi"}, {"text": "no"}],
        {"text": "9" * 40},
        "Speed: here I need a number from 0.5 to 2.",
    ),
    ("Music", "Voice", [{"text": "Hi"}, {"text": "no"}], {"text": "3"}, "Speed: 3 does not fit, it can be 0.5 to 2."),
    (
        "Music",
        "Voice",
        [{"text": "Hi"}, {"text": "no"}, {"text": "1"}],
        {"text": "1.5"},
        "How many pictures: here I need a number from 1 to 4.",
    ),
]


@pytest.mark.parametrize("case", BAD, ids=[f"{each[1]} {each[4]}" for each in BAD])
async def test_what_does_not_fit_is_told_and_nothing_is_lost(walk: Walk, case: Bad) -> None:
    """The field is named in plain words, the question stands below, and what was given before is still there."""
    category, model, before, bad, says = case
    await begin(walk, category, model)
    for content in before:
        await walk.say(**content)
    asked = walk.now
    refused = await walk.say(**bad)
    assert says in refused.text
    assert refused.text.endswith(asked.text.rsplit("\n\n", 1)[1])
    assert list(refused.buttons) == list(asked.buttons)
    assert asked.text.splitlines()[1 : 1 + len(before)] == refused.text.splitlines()[1 : 1 + len(before)]
    assert await walk.talk.house.bank.value("SELECT count(*) FROM generation") == 0


async def test_a_problem_is_told_in_russian(walk: Walk) -> None:
    """Naturally."""
    walk.language = "ru"
    await begin(walk, "Видео", "Клип")
    screen = await walk.say("x" * 502)
    assert "Описание: 502 символа – больше, чем я могу принять. Предел: 500 символов." in screen.text


async def test_a_combination_that_is_not_sold_is_refused_with_what_is(walk: Walk) -> None:
    """Whichever of its parts is chosen last; the quote stays as it was."""
    await begin(walk, "Video", "Clip")
    await walk.say("a fox")
    quote = await walk.press("10 s")
    assert "Clip · 50 credits" in quote.text
    change = await walk.press("Resolution: 768p")
    assert list(change.buttons) == ["✓ 768p · 50", "1080p · –", "Back"]
    await walk.press("1080p · –")
    assert walk.toast == "Resolution: 1080p is not sold together with the rest. What is: 768p."
    await walk.press("Back")
    await walk.press("Length: 10 s")
    await walk.press("6 s · 30")
    await walk.press("Resolution: 768p")
    assert "Clip · 50 credits" in (await walk.press("1080p · 50")).text
    await walk.press("Length: 6 s")
    await walk.press("10 s · –")
    assert walk.toast == "Length: 10 s is not sold together with the rest. What is: 6 s."


async def test_a_dialog_ends_with_cancel(walk: Walk) -> None:
    """By its button or by the command; words are a new picture then."""
    for way in ("Cancel", "/cancel"):
        await begin(walk, "Video", "Clip")
        screen = await (walk.press(way) if way == "Cancel" else walk.say(way))
        assert "Cancelled, nothing was charged." in screen.text
        assert "Z-Image" in (await walk.say("a fox")).text
    await walk.say("/cancel")
    assert [screen.text for screen in walk.screens.values()][-2:] == [
        "a fox\nCancelled, nothing was charged.",
        "Cancelled, nothing was charged. What shall we make instead?",
    ]
    assert "nothing to cancel" in (await walk.say("/cancel")).text


async def test_a_dialog_is_forgotten_after_a_day(walk: Walk) -> None:
    """Words mean what they always mean then; the old rows go with new ones."""
    await begin(walk, "Video", "Clip")
    await walk.talk.house.bank.write("UPDATE dialog SET updated_at = now() - interval '86401 s'")
    assert "Z-Image" in (await walk.say("a fox")).text
    await walk.talk.house.bank.write("UPDATE dialog SET updated_at = now() - interval '86401 s', chat_id = 9")
    await walk.say("a fox")
    assert await walk.talk.house.bank.value("SELECT array_agg(chat_id) FROM dialog") == [walk.chat]


async def test_a_model_that_is_gone_asks_nothing_any_more(walk: Walk) -> None:
    """A redeploy with another catalogue: words are words again, its buttons are out of date."""
    asked = await begin(walk, "Music", "Voice")
    await walk.say("Hello")
    asked = walk.now
    await walk.talk.house.bank.write("UPDATE dialog SET model_id = 'gone'")
    assert "Z-Image" in (await walk.say("a fox")).text
    assert "out of date" in str(await walk.send(asked.buttons["Yes"]))


async def test_an_input_that_the_model_has_no_more_is_left_out(walk: Walk) -> None:
    """And the rest goes on."""
    await begin(walk, "Video", "Clip")
    await walk.say("a fox")
    await walk.talk.house.bank.write("""UPDATE dialog SET inputs = '{"prompt": "a fox", "old": 1}'""")
    assert "Clip · 30 credits" in (await walk.press("6 s")).text


async def test_old_questions_answer_as_far_as_they_can(walk: Walk) -> None:
    """A choice of the same model counts; one of another model, and Done without files, do not."""
    await begin(walk, "Music", "Voice")
    flag = await walk.say("Hello")
    await walk.press("Yes")
    await walk.send(flag.buttons["No"])
    assert walk.toast is None
    assert "Sound: No" in walk.now.text
    await begin(walk, "Video", "Clip")
    assert "out of date" in str(await walk.send(flag.buttons["No"]))
    length = await walk.say("a fox")
    quote = await walk.press("6 s")
    assert "out of date" in str(await walk.send(length.buttons["10 s"]))
    assert walk.now is quote


async def test_in_a_group_the_question_wants_a_reply_and_each_has_an_own_dialog(walk: Walk) -> None:
    """What another person says answers nothing of this one's."""
    walk.chat = GROUP
    username = await walk.talk.username()
    await walk.say(f"/models@{username}")
    await walk.press("Video · from 30")
    await walk.press("Clip · from 30")
    asked = await walk.press("Create")
    assert asked.text.endswith("Please reply to this message.")
    walk.user = 777
    assert "Z-Image" in (await walk.say("a lighthouse")).text
    walk.user = 501
    assert "Length" in (await walk.say("a fox")).text
