"""The stack of an exception as short text: where, in which function, caused by what.

Deliberately without source lines and variables: reading source is disk I/O on the event loop, and both can hold what
must not be logged.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType

MOST_FRAMES = 40
MOST_EXCEPTIONS = 12
DATA_EXCEPTION = "22"
"""The class of SQLSTATE whose messages quote the value."""


def stack_of(error: BaseException) -> str:
    """Each exception with its frames, innermost last, then its cause and, for a group, its members."""
    return "\n".join(_told(error, "", set()))


def said(error: BaseException) -> str:
    """The text of an exception, also when its own `__str__` is broken.

    Of a database's error only the message: what it adds quotes whole rows, and of invalid data the message does.
    """
    try:
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state if state.startswith(DATA_EXCEPTION) or not error.args else str(error.args[0])
        return str(error)
    except Exception as broken:  # noqa: BLE001 - any class can break in its own text, and it must still be reported
        return f"<text failed with {type(broken).__qualname__}>"


def _told(error: BaseException, indent: str, seen: set[int]) -> Iterator[str]:
    if id(error) in seen or len(seen) >= MOST_EXCEPTIONS:
        return
    seen.add(id(error))
    yield f"{indent}{type(error).__qualname__}: {said(error)}"
    for note in getattr(error, "__notes__", ()):
        yield f"{indent}  note: {note}"
    yield from (f"{indent}  {frame}" for frame in _frames(error.__traceback__))
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _told(member, f"{indent}  | ", seen)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield f"{indent}caused by" if error.__cause__ else f"{indent}while handling"
        yield from _told(cause, indent, seen)


def _frames(trace: TracebackType | None) -> list[str]:
    """The frames, outermost first; the middle of a deep recursion is left out."""
    frames = [
        f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}" for frame, line in traceback.walk_tb(trace)
    ]
    if len(frames) <= MOST_FRAMES:
        return frames
    half = MOST_FRAMES // 2
    return [*frames[:half], f"… {len(frames) - 2 * half} more frames", *frames[-half:]]
