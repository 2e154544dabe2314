"""How the chat page and `sandbox say` see a chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bot.sandbox.keyboard import labels
from bot.sandbox.records import Message, Query, StoredFile
from bot.sandbox.world import World

KINDS: Final = {
    "photo": "photo",
    "video": "video",
    "animation": "video",
    "audio": "audio",
    "voice": "audio",
    "document": "document",
    "invoice": "invoice",
}
"""Under which of the documented kinds each field of a message is shown; the first one found counts."""


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
        "unanswered": _unanswered(world, bot_id, chat_id, queries),
        "busy": bool(
            action or world.mailbox.head(bot_id, chat_id) or is_busy(_last_act(world, bot_id, chat_id, queries))
        ),
        "after": world.book.revision,
        "heard": world.bells.rings(chat_id),
    }


def message_view(world: World, message: Message) -> dict[str, Any]:
    """Return one message: the short fields of `sandbox say`, and Telegram's own JSON of it."""
    body = message.body
    field = next((name for name in KINDS if name in body), "text")
    file = _file(world, body, field)
    return {
        "message_id": message.message_id,
        "revision": message.revision,
        "from_bot": message.is_from_bot,
        "deleted": message.deleted,
        "kind": KINDS.get(field, field),
        "text": body.get("text") or body.get("caption") or "",
        "buttons": labels(body.get("reply_markup")),
        "file": str(world.files.path(file)) if file else None,
        "reaction": message.reaction,
        "file_url": f"/sandbox/files/{file.id}" if file else None,
        "message": body,
    }


def _file(world: World, body: dict[str, Any], field: str) -> StoredFile | None:
    content = body.get(field)
    largest = content[-1] if isinstance(content, list) else content
    return world.book.get(StoredFile, largest.get("file_id")) if isinstance(largest, dict) else None


def _unanswered(world: World, bot_id: int, chat_id: int, queries: list[Query]) -> int:
    """Return how many things the person has said and pressed since the bot last said anything in this chat.

    0 in groups, where a bot does not answer everything.
    """
    if chat_id < 0:
        return 0
    history = world.chats.history(bot_id, chat_id).values()
    said = [m.revision for m in history if m.is_from_bot] + [q.revision for q in queries if q.answered]
    last = max(said, default=0)
    asked = [m.revision for m in history if not m.is_from_bot] + [q.revision for q in queries if not q.answered]
    return max(len(world.mailbox.waiting(bot_id, chat_id)), sum(revision > last for revision in asked))


def _last_act(world: World, bot_id: int, chat_id: int, queries: list[Query]) -> float:
    """Return when the person last wrote or pressed in this chat; what the provider does since then is for them."""
    written = [m.body["date"] for m in world.chats.history(bot_id, chat_id).values() if not m.is_from_bot]
    return float(max([*written, *(q.date for q in queries)], default=0.0))
