"""Pushes updates to webhooks the way Telegram does.

    queued ─→ head of its chat ─→ in flight ─2xx→ confirmed, forgotten
                   ↑                  │
                   └── wait ←─ anything else: at once, then 2, 4, 8 … 60 s, or the answer's Retry-After

Invariants: only the head of a chat is in flight; at most `max_connections` of a bot are; a redelivery carries the same
update_id; an update leaves the disk only after a 2xx, a getUpdates offset, or a day.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import anyio
import httpx
from anyio.abc import TaskGroup, TaskStatus

from bot.sandbox import telegram
from bot.sandbox.errors import ApiError
from bot.sandbox.parameters import decode_object
from bot.sandbox.records import Bot, Record, Update
from bot.sandbox.world import World
from telemetry import emit, events

MAX_WAIT_SECONDS: Final = 60.0
MAX_RETRY_AFTER: Final = 3600
POST_SECONDS: Final = 60.0
Lane = tuple[int, int]


def backoff(failures: int, retry_after: int | None = None) -> float:
    """How long to wait after so many failures in a row: 0, 2, 4, 8 … 60 s; the webhook's own wish comes first."""
    if retry_after:
        return float(min(retry_after, MAX_RETRY_AFTER))
    return 0.0 if failures <= 1 else float(min(2 ** min(failures - 1, 10), MAX_WAIT_SECONDS))


class Delivery:
    """One lane a chat, running only while the chat has updates and the bot a webhook."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._group: TaskGroup | None = None
        self._running: set[Lane] = set()
        self._limiters: dict[int, anyio.CapacityLimiter] = {}
        self._hooks: dict[int, tuple[str, str, int]] = {}
        self._changed = anyio.Event()

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Deliver until cancelled; woken by arriving updates and by `change`."""
        async with anyio.create_task_group() as self._group:
            self._world.mailbox.watch(self._start)
            self._world.book.listen(self._saved)
            self._world.faults.watch(self.change)
            self.change()
            task_status.started()
            await anyio.sleep_forever()

    def change(self) -> None:
        """Look again at once: a webhook or a fault changed."""
        self._changed.set()
        self._changed = anyio.Event()
        for bot_id in [int(key) for key in self._world.book.table(Bot)]:
            for chat_id in self._world.mailbox.lanes(bot_id):
                self._start(bot_id, chat_id)

    def _saved(self, put: list[Record], _: list[Record]) -> None:
        for bot in put:
            if isinstance(bot, Bot):
                hook = (bot.webhook_url, bot.webhook_secret, bot.max_connections)
                if self._hooks.get(bot.id) != hook:
                    self._hooks[bot.id] = hook
                    self.change()

    def _start(self, bot_id: int, chat_id: int) -> None:
        lane = (bot_id, chat_id)
        if self._group is not None and lane not in self._running and self._hook(bot_id):
            self._running.add(lane)
            self._group.start_soon(self._deliver, lane, name=f"lane {bot_id}/{chat_id}")

    def _hook(self, bot_id: int) -> Bot | None:
        bot = self._world.book.get(Bot, bot_id)
        return bot if bot and bot.webhook_url else None

    async def _deliver(self, lane: Lane) -> None:
        """Empty one chat's queue, head by head; ends when it is empty or the webhook gone, starts with `_start`."""
        failures, url = 0, ""
        try:
            while (update := self._world.mailbox.head(*lane)) and (hook := self._hook(lane[0])):
                failures, url = (failures, url) if url == hook.webhook_url else (0, hook.webhook_url)
                if self._world.faults.get("telegram_pause"):
                    await self._changed.wait()
                elif self._world.mailbox.expired(update):
                    await self._world.mailbox.drop(update)
                elif (wait := await self._attempt(hook, update, failures + 1)) is None:
                    failures = 0
                else:
                    failures += 1
                    await self._pause(wait)
        finally:
            self._running.discard(lane)

    async def _pause(self, seconds: float) -> None:
        with anyio.move_on_after(seconds * self._world.faults.number("telegram_backoff")):
            await self._changed.wait()

    async def _attempt(self, hook: Bot, update: Update, attempt: int) -> float | None:
        """Post once; return None when it was taken, else how long to wait."""
        limiter = self._limiters.setdefault(hook.id, anyio.CapacityLimiter(hook.max_connections))
        limiter.total_tokens = hook.max_connections
        async with limiter:
            if not self._world.mailbox.has(update):
                return None
            response, problem = await self._post(hook, update)
        if response is not None and response.is_success:
            await self._taken(hook, update, response)
            return None
        emit(events.SandboxWebhookFailed(reason=problem, pending=self._world.mailbox.count(hook.id)))
        await self._note(hook.id, problem)
        retry_after = response.headers.get("retry-after", "") if response is not None else ""
        return backoff(attempt, int(retry_after) if retry_after.isdigit() else None)

    async def _post(self, hook: Bot, update: Update) -> tuple[httpx.Response | None, str]:
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.webhook_secret} if hook.webhook_secret else {}
        try:
            with anyio.fail_after(POST_SECONDS):
                response = await self._world.client.post(hook.webhook_url, json=update.body, headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            return None, "Read timeout expired"
        except httpx.ConnectError:
            return None, "Connection refused"
        except httpx.HTTPError as error:
            return None, f"Connection failed: {type(error).__name__}"
        return response, f"Wrong response from the webhook: {response.status_code} {_phrase(response.status_code)}"

    async def _taken(self, hook: Bot, update: Update, response: httpx.Response) -> None:
        if self._world.faults.take("telegram_duplicate"):
            await self._post(hook, update)
        await self._world.mailbox.drop(update)
        if values := _method_reply(response):
            await telegram.reply(self._world, hook.id, values)

    async def _note(self, bot_id: int, problem: str) -> None:
        async with self._world.book.writing():
            bot = self._world.chats.bot(bot_id)
            self._world.book.put(replace(bot, error_date=int(self._world.clock()), error_message=problem))


def _method_reply(response: httpx.Response) -> dict[str, Any] | None:
    """Return the call that a webhook's answer asks for, None when it asks for none."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if not response.content:
        return None
    if kind == "application/x-www-form-urlencoded":
        values: dict[str, Any] = dict(parse_qsl(response.text))
    elif kind == "application/json":
        try:
            values = decode_object(response.content)
        except ApiError:
            return None
    else:
        return None
    return values if values.get("method") else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
