"""Talks to a running sandbox from outside: what `vigil sandbox say` and the tests do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypedDict, Unpack

import httpx

from bot.sandbox import loopback

WAIT_SECONDS: Final = 25.0
"""How long one long poll may wait."""


class SandboxError(Exception):
    """The sandbox refused, and its own words say why; `status` is its HTTP status."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status


class Writing(TypedDict, total=False):
    """How a person writes: in which language from now on, as whom in a group, in answer to which message."""

    language: str
    user: int
    reply_to: int


class Client:
    """The people's side of the sandbox at an address like `http://127.0.0.1:8081`."""

    def __init__(self, address: str, http: httpx.AsyncClient) -> None:
        self.address = address
        self.http = http

    async def write(self, text: str, chat_id: int, **how: Unpack[Writing]) -> dict[str, Any]:
        """Let a person write; return the message."""
        return await self._post(f"/sandbox/chats/{chat_id}/text", {"text": text, **how})

    async def attach(
        self,
        files: Sequence[tuple[str, bytes]],
        chat_id: int,
        *,
        caption: str = "",
        kind: str = "",
        **how: Unpack[Writing],
    ) -> list[dict[str, Any]]:
        """Let a person send files, each a name and its bytes, as `kind` or as what each is; return the messages."""
        sent = [("file", (name, content)) for name, content in files]
        form = {name: str(value) for name, value in {"caption": caption, "kind": kind, **how}.items() if value}
        url = f"{self.address}/sandbox/chats/{chat_id}/files"
        answer = _checked(await self.http.post(url, files=sent, data=form, headers={"X-Sandbox": "client"}))
        messages: list[dict[str, Any]] = answer["messages"]
        return messages

    async def press(self, label: str, chat_id: int, *, user: int = 0) -> dict[str, Any]:
        """Let a person press the button with this label; return the query."""
        return await self._post(f"/sandbox/chats/{chat_id}/press", {"label": label, "user": user})

    async def check_out(self, chat_id: int, payload: str, amount: int, currency: str = "XTR") -> dict[str, Any]:
        """Let a person be about to pay; return the question that the bot gets."""
        body = {"payload": payload, "amount": amount, "currency": currency}
        return await self._post(f"/sandbox/chats/{chat_id}/checkout", body)

    async def checkouts(self) -> list[dict[str, Any]]:
        """Return who was about to pay, oldest first, and what the bot said."""
        checkouts: list[dict[str, Any]] = (await self.get("/sandbox/checkouts"))["checkouts"]
        return checkouts

    async def chat(self, chat_id: int, *, after: int = 0, heard: int = -1, wait: float = 0) -> dict[str, Any]:
        """Return what changed in a chat after a revision; wait for more than was `heard` first."""
        query = {"after": after, "heard": heard, "wait": min(wait, WAIT_SECONDS)}
        return await self.get(f"/sandbox/chats/{chat_id}/messages", **query)

    async def faults(self) -> list[dict[str, Any]]:
        """Return the whole catalogue of faults with what is set."""
        faults: list[dict[str, Any]] = (await self.get("/sandbox/faults"))["faults"]
        return faults

    async def set_faults(self, **values: object) -> list[dict[str, Any]]:
        """Set faults, None resets one; return all of them as they are then."""
        faults: list[dict[str, Any]] = (await self._post("/sandbox/faults", values))["faults"]
        return faults

    async def tasks(self) -> list[dict[str, Any]]:
        """Return the provider's tasks, oldest first."""
        tasks: list[dict[str, Any]] = (await self.get("/sandbox/tasks"))["tasks"]
        return tasks

    async def calls(self, method: str | None = None) -> list[dict[str, Any]]:
        """Return the newest Bot API calls, oldest first."""
        query = {"method": method} if method else {}
        calls: list[dict[str, Any]] = (await self.get("/sandbox/calls", **query))["calls"]
        return calls

    async def get(self, path: str, **query: str | float) -> dict[str, Any]:
        """Read anything of the people's side."""
        return _checked(await self.http.get(self.address + path, params=query))

    async def _post(self, path: str, body: object) -> dict[str, Any]:
        return _checked(await self.http.post(self.address + path, json=body))


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Client]:
    """Open a client for as long as the block runs."""
    async with loopback.client(WAIT_SECONDS + 10, connections=20) as http:
        yield Client(address, http)


def _checked(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError as error:
        raise SandboxError(answer.status_code, "What answers there is no sandbox.") from error
    if answer.is_success and isinstance(body, dict):
        return body
    description = body.get("description") if isinstance(body, dict) else None
    raise SandboxError(answer.status_code, str(description or "What answers there is no sandbox."))
