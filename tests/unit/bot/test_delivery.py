"""What becomes of a call to Telegram."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot import delivery
from bot.delivery import Again, Failed, Moved, Outgoing, Sent

SEND = Outgoing(1, "chat:5", 5, "sendMessage", {}, False, None, None, 1, 0, None, 2.0, None, None)
EDIT = replace(SEND, method="editMessageText", edits=9, target_state="sent", target_message_id=77)
ANSWER = replace(SEND, method="answerCallbackQuery", best_effort=True)


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


TIMED_OUT = caused(TimedOut(), httpx.ReadTimeout(""))
NOT_CONNECTED = caused(NetworkError("httpx.ConnectError"), httpx.ConnectError(""))
CUT_OFF = caused(NetworkError("httpx.ReadError"), httpx.ReadError(""))


def judged(row: Outgoing, error: TelegramError) -> delivery.Verdict:
    return delivery.judge(row, error, 1.0)


@pytest.mark.parametrize("error", [TIMED_OUT, CUT_OFF, NetworkError("Bad Gateway"), NetworkError("Gateway Timeout")])
def test_a_send_without_an_answer_is_repeated_once_and_counted(error: TelegramError) -> None:
    """Nobody knows whether it arrived; a second time would be one too many."""
    first = judged(SEND, error)
    assert isinstance(first, Again)
    assert first.ambiguous
    assert isinstance(judged(replace(SEND, ambiguous=1), error), Failed)


def test_an_edit_without_an_answer_is_repeated_and_not_counted() -> None:
    """Twice the same text is once the same text."""
    found = judged(EDIT, TIMED_OUT)
    assert isinstance(found, Again)
    assert not found.ambiguous


@pytest.mark.parametrize(
    "error", [NOT_CONNECTED, caused(TimedOut(), httpx.ConnectTimeout("")), caused(TimedOut(), httpx.PoolTimeout(""))]
)
def test_what_never_left_is_not_counted_against_the_row(error: TelegramError) -> None:
    """However long Telegram is away, the message waits; its attempts are what reached Telegram."""
    found = judged(replace(SEND, attempts=19, age=3600.0), error)
    assert found == Again(delivery.reason(error), delivery.AWAY_CAP_SECONDS, 18)


@pytest.mark.parametrize("wait", [7, timedelta(seconds=7)])
def test_flood_control_is_obeyed_and_not_held_against_the_row(wait: Any) -> None:
    """Exactly as long as Telegram says, on this lane."""
    found = judged(SEND, RetryAfter(wait))
    assert isinstance(found, Again)
    assert (found.after, found.attempts, found.ambiguous) == (7.0, 0, False)


def test_a_server_error_is_tried_again_and_not_for_ever() -> None:
    """Telegram answered that it did nothing; after twenty such answers the row ends."""
    found = judged(SEND, NetworkError("Internal Server Error"))
    assert found == Again("NetworkError: Internal Server Error", 0.5, 1)
    assert isinstance(judged(replace(SEND, attempts=20), NetworkError("Internal Server Error")), Failed)


UNREAD = caused(NetworkError("Content Too Large (413). Parsing the server response b'<html>' failed"), ValueError())


@pytest.mark.parametrize("error", [NetworkError("Request Entity Too Large"), BadRequest("File is too big"), UNREAD])
def test_a_file_that_is_too_large_is_not_sent_again(error: TelegramError) -> None:
    """It is as large the next time; whoever waits for it gets something else at once."""
    found = judged(replace(SEND, method="sendVideo"), error)
    assert isinstance(found, Failed)
    assert (found.refused, found.too_large) == (True, True)


def test_a_picture_that_is_too_large_for_a_photo_may_go_as_a_file() -> None:
    """Refused as what it is, and no more than that."""
    found = judged(replace(SEND, method="sendPhoto"), BadRequest("file of size 11000000 bytes is too big for a photo"))
    assert isinstance(found, Failed)
    assert (found.refused, found.too_large) == (True, False)


def test_a_refusal_ends_the_row_with_telegrams_words() -> None:
    """The reason is kept, short and without secrets."""
    found = judged(SEND, BadRequest("Chat not found 123456:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghi " + "x" * 500))
    assert isinstance(found, Failed)
    assert found.reason.startswith("BadRequest: Chat not found")
    assert "ABCDEF" not in found.reason
    assert len(found.reason) <= delivery.REASON_CHARACTERS
    assert not found.unreachable


def test_a_chat_that_has_moved_is_followed_and_the_row_is_not_at_fault() -> None:
    """Whether Telegram says so in its answer, or it was known before the call."""
    assert judged(replace(SEND, attempts=3), ChatMigrated(-100)) == Moved(-100, 2)
    assert delivery.before(replace(SEND, moved_to=-100)) == Moved(-100, 1)
    assert delivery.before(replace(ANSWER, moved_to=-100)) is None


@pytest.mark.parametrize(("asked", "kept"), [(0, 1.0), (-5, 1.0), (59, 59.0), (3600, 3600.0), (90_000, 3600.0)])
def test_a_wait_is_obeyed_up_to_an_hour(asked: int, kept: float) -> None:
    """A longer one is asked about once an hour; none at all would be a second call at once."""
    found = judged(SEND, RetryAfter(asked))
    assert isinstance(found, Again)
    assert (found.after, found.limited) == (kept, True)


def test_an_unreachable_chat_is_not_called() -> None:
    """What is queued for it fails; who presses a button can be reached."""
    found = delivery.before(replace(SEND, unreachable=True))
    assert isinstance(found, Failed)
    assert not found.quiet
    assert delivery.before(replace(ANSWER, unreachable=True)) is None


def test_a_message_that_stayed_in_the_old_group_is_not_edited() -> None:
    """Its number would be another message's in the new one."""
    found = delivery.before(replace(EDIT, chat_id=-100, target_chat_id=-5))
    assert isinstance(found, Failed)
    assert found.quiet
    assert delivery.before(replace(EDIT, target_chat_id=5)) is None


def test_a_user_who_blocked_the_bot_is_unreachable() -> None:
    """Forbidden is about the chat, not about the message."""
    found = judged(SEND, Forbidden("bot was blocked by the user"))
    assert isinstance(found, Failed)
    assert found.unreachable


def test_an_edit_that_changes_nothing_is_done() -> None:
    """It is what we wanted to be there."""
    error = BadRequest("Message is not modified: specified new message content and reply markup are exactly the same")
    assert judged(EDIT, error) == Sent(77)
    assert isinstance(judged(SEND, error), Failed)


@pytest.mark.parametrize(
    "error", [TIMED_OUT, NOT_CONNECTED, RetryAfter(3), BadRequest("query is too old"), NetworkError("x")]
)
def test_best_effort_is_tried_once(error: TelegramError) -> None:
    """A spinner that goes on for a while is not worth a delay of what follows."""
    found = judged(ANSWER, error)
    assert isinstance(found, Failed)
    assert found.quiet


def test_a_refused_token_is_no_rows_fault() -> None:
    """The rows wait for the operator."""
    found = judged(SEND, InvalidToken("Unauthorized"))
    assert isinstance(found, Again)
    assert found.attempts == 0


def test_what_can_be_decided_without_a_call() -> None:
    """Late answers and edits of nothing are left out; an edit waits for its message."""
    assert delivery.before(SEND) is None
    assert delivery.before(EDIT) is None
    assert isinstance(delivery.before(replace(ANSWER, age=60.0)), Failed)
    assert isinstance(delivery.before(replace(EDIT, target_state="failed", target_message_id=None)), Failed)
    waiting = delivery.before(replace(EDIT, target_state="ready", target_message_id=None))
    assert isinstance(waiting, Again)


def test_an_intent_found_at_start_is_repeated_once_unless_it_was_best_effort() -> None:
    """The process ended between the call and the note, or before the call."""
    assert isinstance(delivery.unknown(ANSWER, "x"), Failed)
    found = delivery.unknown(SEND, "x")
    assert isinstance(found, Again)
    assert found.ambiguous
    assert isinstance(delivery.unknown(replace(SEND, ambiguous=1), "x"), Failed)


@pytest.mark.parametrize(
    ("text", "sent"), [("a\ud83e\udd8ab", "a\U0001f98ab"), ("a\ud800b", "a\ufffdb"), ("a\0b", "ab"), ("é", "é")]
)
def test_a_text_is_sent_as_utf_8_can_carry_it(text: str, sent: str) -> None:
    """Lone surrogates and NUL would fail in the library, far from whoever wrote them."""
    assert delivery.clean(text) == sent
    assert delivery.clean(text).encode()
