"""What a user reads about a generation: the closest words there are, and nothing of the provider's."""

from __future__ import annotations

from uuid import UUID

import pytest

from bot import texts
from bot.accounts import Language
from bot.catalogue import Value, load
from bot.generation import progress
from bot.generation.store import Generation
from bot.providers.base import Failure

MODEL = load().models["kling-2.6/text-to-video"]


def row(failure: Failure | None = None, detail: str = "", language: Language = "en", **inputs: Value) -> Generation:
    """Return a generation that failed so."""
    return Generation(
        id=1,
        user_id=1,
        chat_id=1,
        language=language,
        model_id=MODEL.id,
        inputs=inputs,
        price=800,
        state="failed",
        hold_id=1,
        task_id=None,
        callback_token=UUID(int=1),
        result_url=None,
        failure=failure,
        detail=detail,
        uploads={},
        status_outbox_id=1,
        steps=0,
        age=0.0,
        is_overdue=False,
        late=None,
        is_too_late=False,
        settled_age=0.0,
        traceparent=None,
    )


@pytest.mark.parametrize(
    ("failure", "detail", "words"),
    [
        ("user", "422 duration is not within the range of allowed options", "did not accept the value of <b>"),
        ("user", "422 The prompt is too short, aspect_ratio is fine", "Try to word it differently"),
        ("user", "422 rejected", "Try to word it differently"),
        ("user", "file_too_large image_url", "file you sent is too large"),
        ("user", "451 could not fetch", "could not open the file you sent"),
        ("moderation", "501 duration <b>nsfw</b>", "safety filter"),
        ("timeout", "queue", "your turn did not come"),
        ("timeout", "deadline", "took too long"),
        ("ours", "402 credits insufficient", "our fault"),
    ],
)
def test_a_failure_is_told_in_the_closest_words(failure: Failure, detail: str, words: str) -> None:
    """By what is known, by the input at fault, by class; what the provider said is never repeated."""
    said = progress.reason(row(failure, detail), MODEL)
    assert words in said
    assert detail.partition(" ")[2] not in said or not detail.partition(" ")[2]


def test_a_failure_of_a_model_that_is_gone_has_words_too() -> None:
    """Nothing is known of its inputs any more."""
    assert progress.reason(row("user", "422 duration"), None) == texts.of("en").generation.reasons["user"]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_what_comes_late_says_that_it_is_a_gift(language: Language) -> None:
    """In the user's language, under the model and the choices."""
    said = progress.caption(row(language=language, prompt="a fox", duration="5"), MODEL, is_late=True)
    assert said.startswith(f"<b>{progress.title(row(language=language), MODEL)}</b>")
    assert "5" in said
    assert said.endswith(texts.of(language).generation.late)


def test_long_words_are_cut_for_a_message() -> None:
    """A prompt may be five times as long as a message of Telegram."""
    assert progress.words({"prompt": "a" * 20_000}) == "a" * progress.LONGEST_WORDS + "…"
    assert progress.words({"text": "Good evening."}) == "Good evening."
    assert progress.words({}) == ""
