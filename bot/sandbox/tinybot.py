"""A small bot, for tests of the sandbox itself: it offers a picture and, when pressed, has it made.

A file it sends back as it came, by its id.
"""

from __future__ import annotations

import json
from typing import Any

import anyio
from anyio.abc import TaskStatus

from bot.sandbox.client import Client
from bot.sandbox.identity import PROVIDER_KEY, TOKEN
from bot.sandbox.medium import FOLDERS, PHOTO


class TinyBot:
    """Polls, answers a text with a button, and a press with a toast, an edit and a picture."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Handle updates until cancelled."""
        await self._call("setMyCommands", commands=[{"command": "start", "description": "Begin"}])
        task_status.started()
        offset = 0
        while True:
            for update in await self._call("getUpdates", offset=offset, timeout=10):
                offset = update["update_id"] + 1
                await (self._pressed(update["callback_query"]) if "callback_query" in update else self._told(update))

    async def _told(self, update: dict[str, Any]) -> None:
        message = update["message"]
        if "text" not in message:
            await self._returned(message)
            return
        text = message["text"]
        if text == "silence":
            return
        keyboard = {"inline_keyboard": [[{"text": "Draw it", "callback_data": text[:60]}]]}
        chat_id = message["chat"]["id"]
        await self._call("sendMessage", chat_id=chat_id, text=f"You said: {text}", reply_markup=keyboard)

    async def _returned(self, message: dict[str, Any]) -> None:
        kind = next(kind for kind in FOLDERS if kind in message)
        file = message[kind][-1] if kind == PHOTO else message[kind]
        given = {kind: file["file_id"], "caption": f"You sent: {message.get('caption', kind)}"}
        await self._call(f"send{kind.capitalize()}", chat_id=message["chat"]["id"], **given)

    async def _pressed(self, query: dict[str, Any]) -> None:
        chat_id, message_id = query["message"]["chat"]["id"], query["message"]["message_id"]
        await self._call("answerCallbackQuery", callback_query_id=query["id"], text="On it")
        await self._call("editMessageText", chat_id=chat_id, message_id=message_id, text="Drawing…")
        body = {"model": "z-image", "input": {"prompt": query["data"], "aspect_ratio": "4:3"}}
        created = await self._provider("POST", "/kie/api/v1/jobs/createTask", json=body)
        while True:
            record = await self._provider("GET", "/kie/api/v1/jobs/recordInfo", params={"taskId": created["taskId"]})
            if record["state"] == "success":
                break
            await anyio.sleep(0.1)
        (url,) = json.loads(record["resultJson"])["resultUrls"]
        await self._call("sendPhoto", chat_id=chat_id, photo=url, caption="Here it is")

    async def _call(self, method: str, **parameters: object) -> Any:
        url = f"{self._client.address}/bot{TOKEN}/{method}"
        answer = (await self._client.http.post(url, json=parameters)).json()
        if not answer["ok"]:
            raise RuntimeError(f"{method} was refused: {answer['description']}")
        return answer["result"]

    async def _provider(self, verb: str, path: str, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {PROVIDER_KEY}"}
        answer = await self._client.http.request(verb, self._client.address + path, headers=headers, **more)
        data: dict[str, Any] = answer.json()["data"]
        return data
