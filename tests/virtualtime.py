"""An event loop whose clock jumps to its next timer: hours pass in milliseconds, in the order real time would take."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: what a loop would wait is added to its clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("Nothing would ever happen again: every task waits, and no timer is set.")
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(main: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Run `main(*arguments)` on such a loop; a program that would wait for ever fails."""
    return anyio.run(main, *arguments, backend="asyncio", backend_options={"loop_factory": _Loop})
