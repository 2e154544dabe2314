"""How the chat page and `sandbox say` see a chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bot.sandbox.keyboard import labels
from bot.sandbox.records import Message, Query, StoredFile
from bot.sandbox.world import World

KINDS: Final = ("photo", "video", "audio", "document", "invoice")


def chat_view(world: World, chat_id: int, after: int, is_busy: Callable[[float], bool]) -> dict[str, Any]:
    """Return what changed in a chat after a revision, and what is going on in it now."""
    bot_id = world.chats.desk.bot_id
    changed = [m for m in world.chats.history(bot_id, chat_id).values() if m.revision > after]
    queries = [q for q in world.book.table(Query).values() if q.bot_id == bot_id and q.chat_id == chat_id]
    action = world.chats.action(bot_id, chat_id)
    waiting = world.mailbox.waiting(bot_id, chat_id)
    return {
        "bot_id": bot_id,
        "messages": [message_view(world, message) for message in sorted(changed, key=lambda m: m.revision)],
        "answers": [
            {"id": q.id, "message_id": q.message_id, "text": q.text, "alert": q.alert, "revision": q.revision}
            for q in queries
            if q.answered and q.revision > after
        ],
        "action": action,
        "waiting": waiting,
        "busy": bool(
            action or world.mailbox.head(bot_id, chat_id) or is_busy(_last_act(world, bot_id, chat_id, queries))
        ),
        "after": world.book.revision,
        "heard": world.bells.rings(chat_id),
    }


def message_view(world: World, message: Message) -> dict[str, Any]:
    """Return one message: the short fields of `sandbox say`, and Telegram's own JSON of it."""
    body = message.body
    kind = next((name for name in KINDS if name in body), "text")
    file = _file(world, body, kind)
    return {
        "message_id": message.message_id,
        "revision": message.revision,
        "from_bot": message.is_from_bot,
        "deleted": message.deleted,
        "kind": kind,
        "text": body.get("text") or body.get("caption") or "",
        "buttons": labels(body.get("reply_markup")),
        "file": str(world.files.path(file)) if file else None,
        "file_url": f"/sandbox/files/{file.id}" if file else None,
        "message": body,
    }


def _file(world: World, body: dict[str, Any], kind: str) -> StoredFile | None:
    content = body.get(kind)
    largest = content[-1] if isinstance(content, list) else content
    return world.book.get(StoredFile, largest.get("file_id")) if isinstance(largest, dict) else None


def _last_act(world: World, bot_id: int, chat_id: int, queries: list[Query]) -> float:
    """Return when the person last wrote or pressed in this chat; what the provider does since then is for them."""
    written = [m.body["date"] for m in world.chats.history(bot_id, chat_id).values() if not m.is_from_bot]
    return float(max([*written, *(q.date for q in queries)], default=0.0))
