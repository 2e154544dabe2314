"""What a handler may want from Telegram, kept as outbox rows of its own transaction.

A handler never calls Telegram: the rows it queues here commit together with its writes and with `done`, and the
outbox sends them in the order of their lane. So a handler that is killed or rolled back has said nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.ports import Connection
from bot.sql import sql

Keyboard = Sequence[Sequence[tuple[str, str]]]
"""Rows of (label, callback data)."""


def markup(keyboard: Keyboard) -> dict[str, Any]:
    """Return Telegram's inline keyboard for the rows of (label, callback data)."""
    return {"inline_keyboard": [[{"text": label, "callback_data": data} for label, data in row] for row in keyboard]}


@dataclass(frozen=True, slots=True)
class Effects:
    """Queue calls to Telegram in the transaction behind `connection`; `user_id` is who is answered, if anybody is."""

    connection: Connection
    traceparent: str | None = None
    user_id: int | None = None

    async def send_text(
        self,
        chat_id: int,
        text: str,
        keyboard: Keyboard = (),
        *,
        generation_id: int | None = None,
        has_preview: bool = True,
    ) -> int:
        """Queue a message (HTML) and return its outbox id, by which it can be edited later."""
        params = {"text": text, "parse_mode": "HTML"} | ({"reply_markup": markup(keyboard)} if keyboard else {})
        params |= {} if has_preview else {"link_preview_options": {"is_disabled": True}}
        return await self._queue(chat_id, "sendMessage", params, generation_id=generation_id)

    async def edit_text(self, chat_id: int, outbox_id: int, text: str, keyboard: Keyboard = ()) -> int:
        """Queue an edit of the message that outbox row `outbox_id` sends; it replaces edits still waiting.

        Without a keyboard the message has none afterwards, whatever it had: so Telegram takes what is left out.
        """
        params = {"text": text, "parse_mode": "HTML"} | ({"reply_markup": markup(keyboard)} if keyboard else {})
        await self.connection.execute(sql("outbox_supersede"), outbox_id)
        return await self._queue(chat_id, "editMessageText", params, edits=outbox_id)

    async def send_result(self, chat_id: int, generation_id: int, method: str, params: Mapping[str, Any]) -> int:
        """Queue results of a generation; `params` say which (`places`), how (`ways`), and whether that `delivers` it."""
        return await self._queue(chat_id, method, {"parse_mode": "HTML", **params}, generation_id=generation_id)

    async def answer_callback(self, chat_id: int, callback_query_id: str, text: str | None = None) -> int:
        """Queue the answer that stops a button's spinner; best effort, it is never repeated."""
        params = {"callback_query_id": callback_query_id} | ({"text": text} if text else {})
        return await self._queue(chat_id, "answerCallbackQuery", params, best_effort=True)

    async def _queue(
        self,
        chat_id: int,
        method: str,
        params: Mapping[str, Any],
        *,
        edits: int | None = None,
        generation_id: int | None = None,
        best_effort: bool = False,
    ) -> int:
        row: int = await self.connection.fetchval(
            sql("outbox_queue"),
            # Answers to buttons have a lane of their own: they do not wait for the chat's messages.
            "answer" if best_effort else "chat",
            chat_id,
            method,
            json.dumps(params, ensure_ascii=True),
            edits,
            generation_id,
            best_effort,
            self.traceparent,
            self.user_id,
        )
        return row
