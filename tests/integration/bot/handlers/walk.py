"""A person on the way through the chat: sends things, presses what the newest message offers, reads what it says."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
NUMBERS = count(10)


@dataclass
class Screen:
    """A message of the bot's as it stands after all edits."""

    text: str
    buttons: dict[str, str]


@dataclass
class Walk:
    """One person in one chat; `toast` is what the last press made appear over it."""

    talk: Talk
    user: int = CHAT
    chat: int = CHAT
    language: str = "en"
    toast: str | None = None
    screens: dict[int, Screen] = field(default_factory=dict)

    async def say(self, text: str | None = None, **content: Any) -> Screen:
        """Send a message and return the one that shows the answer."""
        update = self.talk.message(text, chat=self.chat, **content)
        update["message"]["message_id"] = next(NUMBERS)
        update["message"]["from"] |= {"id": self.user, "language_code": self.language}
        if self.chat < 0 and not (text or "").startswith("/"):
            update["message"]["reply_to_message"] = self.talk.ours(self.chat)
        await self._do(update)
        return self.now

    async def press(self, label: str) -> Screen:
        """Press the button of the newest message that has it and return the message that shows the answer."""
        for screen in reversed(self.screens.values()):
            for name, data in screen.buttons.items():
                if name == label:
                    await self.send(data)
                    return self.now
        found = [list(screen.buttons) for screen in self.screens.values()]
        raise AssertionError(f"no button {label!r} among {found}")

    async def send(self, data: str) -> str | None:
        """Press a button that carries `data` and return what appears over the chat."""
        update = self.talk.pressed(data, user=self.user, chat=self.chat)
        update["callback_query"]["from"]["language_code"] = self.language
        self.toast = None
        await self._do(update)
        return self.toast

    @property
    def now(self) -> Screen:
        """The message that was sent or edited last."""
        return next(reversed(self.screens.values()))

    async def _do(self, update: dict[str, Any]) -> None:
        bank = self.talk.house.bank
        newest = await bank.value("SELECT coalesce(max(id), 0) FROM outbox")
        await self.talk.house.handle("telegram", json.dumps(update).encode())
        async with bank.reading() as connection:
            rows = await connection.fetch(
                "SELECT id, method, params, edits FROM outbox WHERE id > $1 ORDER BY id", newest
            )
        for row in rows:
            params = json.loads(row["params"])
            if row["method"] == "answerCallbackQuery":
                self.toast = params.get("text")
                continue
            number = row["edits"] or row["id"]
            # The one that changed last is the newest, wherever it stands in the chat.
            self.screens.pop(number, None)
            self.screens[number] = Screen(plain(params["text"]), _buttons(params))


def plain(text: str) -> str:
    """Return HTML as it is read."""
    return html.unescape(re.sub(r"<[^>]+>", "", text))


def _buttons(params: dict[str, Any]) -> dict[str, str]:
    rows = params.get("reply_markup", {}).get("inline_keyboard", [])
    return {button["text"]: button["callback_data"] for row in rows for button in row}


def photo(name: str = "photo-1", *, size: int = 200_000, width: int = 1024, height: int = 1024) -> dict[str, Any]:
    """Return the content of a message with a photo: Telegram tells several sizes, the best one last."""
    small = {"file_id": f"{name}-small", "file_unique_id": "s", "width": 90, "height": 90, "file_size": 900}
    best = {"file_id": name, "file_unique_id": "b", "width": width, "height": height, "file_size": size}
    return {"photo": [small, best]}


def voice(name: str = "voice-1", *, seconds: int = 7, size: int = 60_000) -> dict[str, Any]:
    """Return the content of a voice message."""
    told = {"file_id": name, "file_unique_id": "v", "duration": seconds, "mime_type": "audio/ogg", "file_size": size}
    return {"voice": told}


def video(name: str = "video-1", *, seconds: int = 7, size: int = 900_000) -> dict[str, Any]:
    """Return the content of a message with a video."""
    told = {"file_id": name, "file_unique_id": "w", "width": 640, "height": 360, "duration": seconds}
    return {"video": told | {"mime_type": "video/mp4", "file_size": size}}


def document(mime: str | None, name: str = "file-1", *, file_name: str = "a.bin", size: int = 5_000) -> dict[str, Any]:
    """Return the content of a message with a file."""
    told: dict[str, Any] = {"file_id": name, "file_unique_id": "d", "file_name": file_name, "file_size": size}
    return {"document": told | ({"mime_type": mime} if mime else {})}
