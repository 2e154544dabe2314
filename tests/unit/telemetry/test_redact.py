"""Redaction: the shapes of secrets, and names that are masked whatever they hold."""

from __future__ import annotations

import time

import pytest

from telemetry.fields import clean
from telemetry.redact import is_secret_name, redact, register_secret

TOKEN = "7123456789:AAH4zXq0mQ9dJ2b8Vn5LkT1sPwE3uYcR7oX"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"token {TOKEN} rejected", "token *** rejected"),
        (f"https://api.telegram.org/bot{TOKEN}/getMe", "https://api.telegram.org/bot***/getMe"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("{'authorization': 'Basic dXNlcjpwYXNz'}", "{'authorization': '***'}"),
        ("(b'Authorization', b'Digest username=\"u\"')", "(b'Authorization', b'***\"u\"')"),
        ("sent with bearer abcdefgh12345", "sent with bearer ***"),
        ("postgresql://bot:p%40ss@db:5432/bot?sslmode=require", "postgresql://***@db:5432/bot?***"),
        ("postgresql://bot:p/a?s#s@db/bot", "postgresql://***@db/bot"),
        ("GET https://example.com/file.png?sig=abc&exp=1 failed", "GET https://example.com/file.png?*** failed"),
        ("see https://example.com/page#access=1", "see https://example.com/page?***"),
        ("host=db user=bot password=hunter2 dbname=bot", "host=db user=bot password=*** dbname=bot"),
        ('{"api_key": "abc123", "model": "z"}', '{"api_key": "***", "model": "z"}'),
        ("X-Telegram-Bot-Api-Secret-Token: s3cr3t", "X-Telegram-Bot-Api-Secret-Token: ***"),
        ("a plain sentence: 12:30, 3 of 4, epoch 7", "a plain sentence: 12:30, 3 of 4, epoch 7"),
        ("http://127.0.0.1:8080/webhook answered", "http://127.0.0.1:8080/webhook answered"),
    ],
)
def test_what_has_the_shape_of_a_secret_is_masked(text: str, expected: str) -> None:
    """Nothing needs to be registered for these."""
    assert redact(text) == expected


def test_a_registered_value_is_masked_in_every_form_it_takes() -> None:
    """Plain, in a repr, in JSON, in a URL."""
    secret = "pa\\ss\"wörd'?"
    assert register_secret(secret)
    for form in (secret, repr(secret), repr([secret]), repr({"k": secret.encode()}), f"{secret!a}"):
        assert "w\u00f6rd" not in redact(form)
        assert "ss" not in redact(form).replace("***", "")


def test_a_text_that_was_seen_before_its_secret_was_known_is_masked_from_then_on() -> None:
    """What redaction remembers of short texts ends with every new secret."""
    assert redact("take hunter42 away") == "take hunter42 away"
    register_secret("hunter42")
    assert redact("take hunter42 away") == "take *** away"


def test_an_apostrophe_does_not_hide_a_value_in_a_repr() -> None:
    """A repr escapes it only when the text around the value holds a quotation mark."""
    register_secret("it's-ä-secret")
    assert redact(repr('"' + "it's-ä-secret")) == "'\"***'"
    assert redact(ascii('"' + "it's-ä-secret")) == "'\"***'"
    assert redact(repr("it's-ä-secret")) == '"***"'


def test_a_value_that_contains_another_is_masked_whole() -> None:
    """Whichever was registered first."""
    register_secret("correct-horse")
    register_secret("correct-horse-battery")
    assert redact("it is correct-horse-battery") == "it is ***"


def test_the_password_of_a_registered_url_is_masked_alone_too() -> None:
    """Servers name the user and sometimes the password, never the URL."""
    register_secret("postgresql://bot:p%40ss-word@db:5432/bot")
    assert redact("rejected p@ss-word, sent p%40ss-word") == "rejected ***, sent ***"


def test_too_short_a_value_is_refused() -> None:
    """Masking every 1 would destroy the logs and hide nothing."""
    assert not register_secret("1234")
    assert redact("1234 rows") == "1234 rows"


def test_fields_with_the_name_of_a_secret_are_masked_at_any_depth() -> None:
    """The value may be anything; the name says what it is."""
    value = {"headers": [{"X-Api_Key": "abc", "accept": "text"}], "password": 7, "prompt": "a fox"}
    assert clean(value) == {"headers": [{"X-Api_Key": "***", "accept": "text"}], "password": "***", "prompt": "***"}
    assert is_secret_name("bot_token")
    assert not is_secret_name("epoch")


def test_values_json_cannot_carry_become_text() -> None:
    """A line is valid JSON whatever is in it."""
    assert clean(
        [
            float("inf"),
            b"raw",
            None,
            True,
            {
                1,
            },
            1.5,
        ]
    ) == ["inf", "b'raw'", None, True, [1], 1.5]


@pytest.mark.parametrize("unit", ["1", "a", "://", "authorization:", "bearer ", "https://a?", "password=", "x@"])
def test_no_text_makes_redaction_slow(unit: str) -> None:
    """A hostile text must not stall the loop: time grows with length, not with its square."""
    text = unit * (50_000 // len(unit))
    started = time.thread_time()
    redact(text)
    assert time.thread_time() - started < 2.0
