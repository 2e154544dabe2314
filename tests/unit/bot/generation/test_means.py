"""What must not be cut off half-way, and what is."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
import pytest

from bot.generation import means
from bot.generation.means import undisturbed


@dataclass
class Term:
    """A term that has so many seconds left."""

    left: float
    epoch: int = 1

    async def trusted(self) -> None:
        """Never asked here."""

    def remaining(self) -> float:
        """Return what is left."""
        return self.left


async def test_a_stop_waits_for_an_answer_that_must_be_noted() -> None:
    """The work goes on although its task is cancelled, and then the task ends."""
    done: list[str] = []
    may_end, began = anyio.Event(), anyio.Event()

    async def work() -> None:
        began.set()
        await may_end.wait()
        done.append("noted")

    async with anyio.create_task_group() as group:

        async def step() -> None:
            await undisturbed(Term(60), work)
            await anyio.sleep_forever()

        group.start_soon(step)
        await began.wait()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()
            assert done == []
            may_end.set()
    assert done == ["noted"]


@pytest.mark.parametrize(("left", "stop_seconds"), [(0.0, 60.0), (60.0, 0.0)])
async def test_a_stop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch, left: float, stop_seconds: float) -> None:
    """Not past its own limit, and not at all when the term is over: the next one must not be kept waiting."""
    monkeypatch.setattr(means, "STOP_SECONDS", stop_seconds)
    began = anyio.Event()

    async def work() -> None:
        began.set()
        await anyio.sleep_forever()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(undisturbed, Term(left), work)
            await began.wait()
            group.cancel_scope.cancel()


async def test_work_that_is_not_disturbed_raises_its_own_error() -> None:
    """Callers catch precise errors, not groups of them."""

    async def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await undisturbed(Term(60), work)
