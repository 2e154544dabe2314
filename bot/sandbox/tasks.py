"""The provider's tasks from acceptance to callback; they survive a restart.

    accepted ─→ waiting ─→ queuing ─→ generating ─┬→ success ─→ callback
                                                  └→ fail ────→ callback
The first three are a matter of time (`state_of`); the last two are written down once, before anyone is told.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

import anyio
from anyio.abc import TaskGroup, TaskStatus

from bot.sandbox import envelopes
from bot.sandbox.envelopes import Story
from bot.sandbox.fields import Medium
from bot.sandbox.hints import Hints
from bot.sandbox.records import Task
from bot.sandbox.results import heard, make
from bot.sandbox.world import World

FETCH_SECONDS: Final = 10.0
"""How long a finished result is expected to be fetched; `sandbox say` waits that long for the bot."""
FAILURES: Final = {
    "422": "The input was rejected: prompt is not acceptable.",
    "429": "Too many tasks at once.",
    "500": "Internal Error, Please try again later.",
    "501": "Your request was flagged by our content moderation. Please change the prompt and try again.",
}


def state_of(task: Task, now: float) -> str:
    """Return the state that recordInfo tells."""
    if task.completed is not None:
        return "fail" if task.fail_code else "success"
    share = (now - task.created) / max(task.due - task.created, 0.001)
    return "waiting" if share < 0.1 else "queuing" if share < 0.25 else "generating"  # noqa: PLR2004 - parts of the wait


class Tasks:
    """Works on every accepted task, one result at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._hints = Hints(world)
        self._group: TaskGroup | None = None
        self._pen = anyio.CapacityLimiter(1)
        self._changed = anyio.Event()
        self._fetched: set[str] = set()

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Work until cancelled; woken by `submit` and by a change of the faults."""
        async with anyio.create_task_group() as self._group:
            self._world.faults.watch(self._change)
            for task in self._world.book.table(Task).values():
                if task.completed is None:
                    self._group.start_soon(self._work, task)
            task_status.started()
            await anyio.sleep_forever()

    async def submit(self, task: Task) -> None:
        """Accept a task: it is on disk when this returns."""
        async with self._world.book.writing():
            self._world.book.put(task)
        if self._group is not None:
            self._group.start_soon(self._work, task)

    def fetched(self, task_id: str) -> None:
        """Note that someone has fetched the result."""
        self._fetched.add(task_id)

    def is_busy(self, since: float) -> bool:
        """Whether a task created since then runs, or has a fresh result that was not fetched yet."""
        now = self._world.clock()
        return any(
            task.completed is None or (now - task.completed < FETCH_SECONDS and self._is_unfetched(task))
            for task in self._world.book.table(Task).values()
            if task.created >= since
        )

    def record(self, task: Task, *, without_result: bool = False) -> dict[str, Any]:
        """Return the task as its family's record tells it; a success without its result is a fault."""
        story = self._story(task)
        return envelopes.RECORDS[task.family](replace(story, urls=(), text="") if without_result else story)

    def _story(self, task: Task) -> Story:
        now = self._world.clock()
        state = state_of(task, now)
        if state == "fail":
            return Story(task, state, now, problem=FAILURES.get(task.fail_code, "The generation failed."))
        if state != "success":
            return Story(task, state, now)
        urls = [f"{self._world.address}/kie/files/{name}" for name in task.results]
        return Story(task, state, now, urls, heard(task.id) if task.medium == "text" else "")

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _is_unfetched(self, task: Task) -> bool:
        return bool(task.results) and not (task.fail_code or task.url_is_dead or task.id in self._fetched)

    async def _work(self, task: Task) -> None:
        """Make the result, wait until the task is due and not held back, write the end down, call back; then it ends."""
        if task.family == "suno":
            await self._hints.early(task, self._story(task))
        if not task.fail_code:
            task = replace(task, results=await self._make(task), credits=task.price)
        await anyio.sleep(max(0.0, task.due - self._world.clock()))
        while self._world.faults.get("provider_stuck"):
            await self._changed.wait()
        async with self._world.book.writing():
            task = replace(task, completed=self._world.clock())
            desk = self._world.chats.desk
            self._world.book.put(task)
            self._world.book.put(replace(desk, credit=round(desk.credit - task.credits, 3)))
        await self._hints.end(task, self._story(task))

    async def _make(self, task: Task) -> list[str]:
        """Write the result's files and return their names."""
        # The record keeps a plain text so that it can be read back; the provider put nothing else there.
        work = partial(make, cast("Medium", task.medium), task.prompt, task.aspect_ratio, task.count)
        files = await anyio.to_thread.run_sync(work, limiter=self._pen)
        names = [f"{task.id}-{number}{suffix}" for number, (suffix, _) in enumerate(files)]
        for name, (_, content) in zip(names, files, strict=True):
            await anyio.Path(self._world.results / name).write_bytes(content)
        return names
