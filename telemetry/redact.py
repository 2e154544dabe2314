"""Redaction: no token, secret, password or query of a URL gets into a log line or a span.

Two nets: patterns for what has a shape (bot tokens, Authorization headers, user information and queries of URLs,
`password=…`), and the registered values themselves, in every form in which text can carry them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
SHORTEST_SECRET = 5
"""Shorter values are not registered: masking every `1` would destroy the logs and hide nothing."""

SHORT = 64
REMEMBERED = 1024
"""Texts up to this many characters, and how many of them, whose redaction is remembered."""

# Each begins where a run begins and scans a bounded way, so that no text costs more than its length.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A bot token, alone or in the path of a Bot API URL.
    (re.compile(r"(?<!\d)\d+:[A-Za-z0-9_-]{30,}"), MASK),
    # Authorization, whatever the scheme, as a header line or in the repr of a dict or list of headers.
    (re.compile(r"(?i)(authorization[\"']?\s*[:=,]\s*(?:b?[\"'])?)[^\"'\r\n]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    # User information up to the last @: a password may hold any character, also one that a URL should not.
    (re.compile(r"(?i)(?<=://)[^\s\"'<>]{1,300}@"), f"{MASK}@"),
    (re.compile(r"(?i)(://[^\s?#\"'<>]{0,2000})[?#][^\s\"'<>]+"), rf"\1?{MASK}"),
    # password=…, "api_key": "…", X-Telegram-Bot-Api-Secret-Token: …
    (
        re.compile(
            r"(?i)((?:passw(?:or)?d|pwd|secret|token|api[_-]?key)[\"']?\s*[=:]\s*(?:b?[\"'])?)[^\s\"',;&}{)(\]\[]+"
        ),
        rf"\1{MASK}",
    ),
)
_SECRET_NAME = re.compile(r"(?i)(passw(or)?d|secret|token|api_?key|authorization|dsn|prompt)")


def forms(secret: str) -> frozenset[str]:
    """Every way in which text can carry the value: plain, in a repr, in JSON, in a URL."""
    # What a repr escapes depends on the quotes elsewhere in the text; with both kinds in it, the apostrophe is.
    quoted = f"'\"{secret}"
    return frozenset(
        {
            secret,
            *(escape(secret)[1:-1] for escape in (repr, ascii)),
            *(escape(quoted)[len("'\\'\"") : -1] for escape in (repr, ascii)),
            repr(secret.encode())[2:-1],
            repr(quoted.encode())[len("b'\\'\"") : -1],
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
        }
    )


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that masks these values and everything that has the shape of a secret."""
    # Longest first: a secret that contains another one is masked whole.
    known = sorted({form for secret in secrets for form in forms(secret)}, key=len, reverse=True)
    values = re.compile("|".join(re.escape(form) for form in known)) if known else None

    def masked(text: str) -> str:
        if values is not None:
            text = values.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    # The same few words stand in nearly every line: messages, outcomes, names of methods.
    remembered = lru_cache(REMEMBERED)(masked)
    return lambda text: remembered(text) if len(text) <= SHORT else masked(text)


@lru_cache(REMEMBERED)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name is masked whatever it holds."""
    return _SECRET_NAME.search(name) is not None


def _passwords(value: str) -> tuple[str, ...]:
    """The password of a URL, as it stands there and as the server sees it."""
    found = re.match(r"[^:/?#]+://[^:/?#@]*:(.*)@", value)
    return (found[1], unquote(found[1])) if found else ()


_registering = threading.Lock()
_registered: frozenset[str] = frozenset()
_redact: Callable[[str], str] = redactor(())


def register_secret(value: str) -> bool:
    """Mask this value everywhere from now on, and the password in it if it is a URL; False when it is too short."""
    global _registered, _redact  # noqa: PLW0603 - replaced as a whole, so that readers need no lock
    values = {secret for secret in (value, *_passwords(value)) if len(secret) >= SHORTEST_SECRET}
    with _registering:
        if not values <= _registered:
            _registered |= values
            _redact = redactor(_registered)
    return value in values


def forget_secrets() -> None:
    """Forget every registered value; for tests."""
    global _registered, _redact  # noqa: PLW0603 - replaced as a whole, so that readers need no lock
    with _registering:
        _registered = frozenset()
        _redact = redactor(())


def redact(text: str) -> str:
    """The text without any registered value or anything that has the shape of a secret."""
    return _redact(text)
