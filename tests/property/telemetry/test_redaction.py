"""No registered secret survives in any log line, whichever field or exception carries it."""

from __future__ import annotations

import io
import json
import logging as stdlib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from telemetry import emit, events, logging
from telemetry.redact import MASK, SHORTEST_SECRET, forget_secrets, register_secret

SECRETS = st.text(
    st.characters(codec="utf-8", exclude_characters="*", exclude_categories=("Cs", "Cc", "Zl", "Zp")),
    min_size=SHORTEST_SECRET + 3,
    max_size=60,
).filter(lambda text: len(set(text)) > 3)
PADDING = st.text(max_size=20)
Carrier = Callable[[str], None]


def fail(error: Exception, cause: Exception | None = None) -> NoReturn:
    """Raise one exception because of another."""
    raise error from cause


def in_a_field(text: str) -> None:
    """Carry it as a field of an event."""
    emit(events.Unready(reason=text))


def in_an_exception(text: str) -> None:
    """Carry it as the text of an exception with a stack."""
    try:
        fail(ValueError(text))
    except ValueError as error:
        emit(events.ChildFailed(child="http", error=error))


def in_a_cause(text: str) -> None:
    """Carry it in the cause, a note and the arguments of an exception."""
    cause = KeyError(text)
    cause.add_note(text)
    try:
        fail(RuntimeError({"detail": [text]}), cause)
    except RuntimeError as error:
        emit(events.DatabaseLost(error=error))


def in_a_group(text: str) -> None:
    """Carry it in a member of an exception group."""
    emit(events.ChildFailed(child="http", error=ExceptionGroup("many", [ValueError(text), OSError(5, text)])))


def in_nested_values(text: str) -> None:
    """Carry it in an object whose repr shows it, inside containers, as key and as value."""
    wrong: Any = {"a": [text, {text: (text, text.encode())}], "deep": [[[[[[text]]]]]]}
    emit(events.Unready(reason=wrong))


def in_standard_logging(text: str) -> None:
    """Carry it in the message, the arguments and the exception of a library's record."""
    library = stdlib.getLogger("some.library")
    library.warning("failed: " + text.replace("%", "%%") + " %s %r", text, text, exc_info=ValueError(text))


CARRIERS = [in_a_field, in_an_exception, in_a_cause, in_a_group, in_nested_values, in_standard_logging]


def written(style: Any, text: str, secret: str | None) -> str:
    """Log this text in every way, with this secret registered, and leave nothing behind."""
    stream = io.StringIO()
    logging.configure(level="DEBUG", format=style, instance_id="i", stream=stream)
    try:
        assert secret is None or register_secret(secret)
        for carry in CARRIERS:
            carry(text)
    finally:
        logging.reset()
        forget_secrets()
    return stream.getvalue()


def leaves(value: Any) -> Iterator[str]:
    """Yield every string in a parsed line, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(key)
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)


@pytest.mark.parametrize("style", ["json", "pretty"])
@given(secret=SECRETS, around=st.tuples(PADDING, PADDING))
def test_no_registered_secret_survives_in_any_line(style: Any, secret: str, around: tuple[str, str]) -> None:
    """Whatever the value, whatever stands around it, in both formats."""
    # A value that is a word of every line (`instance`) is no secret.
    assume(secret not in written(style, "", None))
    lines = written(style, secret.join(around), secret)
    assert secret not in lines
    assert lines.count(MASK) >= len(CARRIERS)
    if style == "json":
        assert len(lines.splitlines()) == len(CARRIERS)
        for line in lines.splitlines():
            assert not [leaf for leaf in leaves(json.loads(line)) if secret in leaf]
