"""What the sandbox remembers: frozen values, each with a key, that survive a restart as JSON."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, cast


class Record(ABC):
    """A value that the sandbox keeps: `KIND` and `key` together are its place."""

    __slots__ = ()
    KIND: ClassVar[str]

    @property
    @abstractmethod
    def key(self) -> str:
        """What tells it from others of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot(Record):
    """One bot: its counters, its webhook and its command menus."""

    KIND: ClassVar[str] = "bot"

    id: int
    next_update: int
    next_message: int = 1
    webhook_url: str = ""
    webhook_secret: str = ""
    max_connections: int = 40
    allowed_updates: list[str] | None = None
    error_date: int | None = None
    error_message: str | None = None
    commands: dict[str, list[dict[str, str]]] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> str:
        """The bot's id."""
        return str(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Record):
    """A person of the sandbox; the private chat with a bot has the same id."""

    KIND: ClassVar[str] = "user"

    id: int
    name: str
    language: str = "en"
    username: str | None = None

    @property
    def key(self) -> str:
        """The user's id."""
        return str(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Record):
    """One message of a chat: `body` is Telegram's JSON of it, `revision` grows with every change of anything."""

    KIND: ClassVar[str] = "message"

    bot_id: int
    chat_id: int
    message_id: int
    revision: int
    is_from_bot: bool
    body: dict[str, Any]
    deleted: bool = False
    reaction: str = ""

    @property
    def key(self) -> str:
        """Bot, chat and number."""
        return f"{self.bot_id}/{self.chat_id}/{self.message_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Record):
    """An update that the bot has not confirmed yet."""

    KIND: ClassVar[str] = "update"

    bot_id: int
    update_id: int
    chat_id: int
    message_id: int | None
    date: float
    body: dict[str, Any]

    @property
    def key(self) -> str:
        """Bot and number."""
        return f"{self.bot_id}/{self.update_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Record):
    """A pressed button, and the bot's answer to it."""

    KIND: ClassVar[str] = "query"

    id: str
    bot_id: int
    chat_id: int
    message_id: int
    date: float
    revision: int
    answered: bool = False
    text: str = ""
    alert: bool = False

    @property
    def key(self) -> str:
        """The callback query's id."""
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout(Record):
    """A person about to pay, and whether the bot lets it happen; `ok` is None until it has said so."""

    KIND: ClassVar[str] = "checkout"

    id: str
    bot_id: int
    chat_id: int
    payload: str
    currency: str
    amount: int
    date: float
    ok: bool | None = None
    error: str = ""

    @property
    def key(self) -> str:
        """The pre-checkout query's id."""
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile(Record):
    """A file in a chat; `name` is its place under the sandbox's files, `title` the name its sender gave it.

    `smaller` are the other sizes of a photo, the smallest first; a size is a photo of its own.
    """

    KIND: ClassVar[str] = "file"

    id: str
    unique_id: str
    bot_id: int
    name: str
    size: int
    mime: str
    kind: str = "document"
    width: int = 0
    height: int = 0
    seconds: int = 0
    title: str = ""
    track: str = ""
    performer: str = ""
    smaller: list[str] = dataclasses.field(default_factory=list)

    @property
    def key(self) -> str:
        """The file_id that bots use."""
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Record):
    """A task at the provider; `completed` is set once, when it succeeds or fails."""

    KIND: ClassVar[str] = "task"

    id: str
    model: str
    prompt: str
    aspect_ratio: str
    param: str
    callback_url: str
    created: float
    due: float
    fail_code: str = ""
    url_is_dead: bool = False
    completed: float | None = None
    family: str = "market"
    medium: str = "image"
    count: int = 1
    price: float = 0.0
    credits: float = 0.0
    results: list[str] = dataclasses.field(default_factory=list)
    callbacks: int = 0
    callback_status: str = ""
    forged_status: str = ""

    @property
    def key(self) -> str:
        """The task's id."""
        return self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(Record):
    """What there is one of: the bot that the chat page talks to, and the operator's credit with the provider."""

    KIND: ClassVar[str] = "desk"

    bot_id: int
    credit: float

    @property
    def key(self) -> str:
        """There is one."""
        return "desk"


_TYPES: dict[str, type[Record]] = {
    kind.KIND: kind for kind in (Bot, User, Message, Update, Query, Checkout, StoredFile, Task, Desk)
}


def dump(record: Record) -> str:
    """Return the record as JSON."""
    return json.dumps(dataclasses.asdict(cast("Any", record)), ensure_ascii=False, separators=(",", ":"))


def load(kind: str, text: str) -> Record | None:
    """Read a record back; kinds and fields that this build does not know are left out, so it reads a newer state."""
    cls = _TYPES.get(kind)
    if cls is None:
        return None
    known = {field.name for field in dataclasses.fields(cast("Any", cls))}
    return cls(**{name: value for name, value in json.loads(text).items() if name in known})
