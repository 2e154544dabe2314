"""When the webhook is set anew."""

from __future__ import annotations

from typing import Any

import pytest

from bot.webhook import Webhook

WANTED = Webhook("https://bot.example/webhook/random-path-0123", "header-secret")
KNOWN: dict[str, Any] = {
    "url": WANTED.url,
    "max_connections": WANTED.max_connections,
    "allowed_updates": list(reversed(WANTED.allowed_updates)),
    "fingerprint": WANTED.fingerprint,
}


def test_a_webhook_that_is_as_wanted_is_left_alone() -> None:
    """The order of the kinds of updates does not matter."""
    assert WANTED.differences(**KNOWN) == ()


@pytest.mark.parametrize(
    ("changed", "value", "name"),
    [
        ("url", "", "url"),
        ("max_connections", 40, "max_connections"),
        ("allowed_updates", ["message"], "allowed_updates"),
        ("fingerprint", None, "secret"),
        ("fingerprint", Webhook("x", "another").fingerprint, "secret"),
    ],
)
def test_any_difference_is_named(changed: str, value: Any, name: str) -> None:
    """Each of them alone is reason enough to set it."""
    assert WANTED.differences(**KNOWN | {changed: value}) == (name,)


def test_neither_the_secret_nor_the_address_is_shown() -> None:
    """The path is a secret too."""
    assert "secret" not in repr(WANTED)
    assert "random-path" not in repr(WANTED)
    assert "header-secret" not in WANTED.fingerprint
