"""Bots, people and what they wrote to each other; change it only while the book is writing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from bot.sandbox.bells import Bells
from bot.sandbox.book import Book
from bot.sandbox.identity import ADMIN_ID, USER_ID
from bot.sandbox.records import Bot, Desk, Message, Query, Record, Update, User

KEPT_MESSAGES: Final = 1000
"""Messages kept per chat; older ones are forgotten."""
ACTION_SECONDS: Final = 5.0
"""How long "typing…" is shown after sendChatAction."""
SUPERGROUPS: Final = 10**12
"""Their ids are counted down from minus this."""
START_CREDIT: Final = 10_000.0

Clock = Callable[[], float]
ChatKey = tuple[int, int]

PEOPLE: Final = (
    User(id=USER_ID, name="Alex", language="en", username="alex"),
    User(id=1002, name="Маша", language="ru", username="masha"),
    User(id=ADMIN_ID, name="Operator", language="en", username="operator"),
)
"""Who is there from the start; the last one is the admin."""


class Chats:
    """The chats of people and bots: private ones, and groups that the bot is in."""

    def __init__(self, book: Book, bells: Bells, clock: Clock) -> None:
        self._book = book
        self._bells = bells
        self._clock = clock
        self._history: dict[ChatKey, dict[int, Message]] = {}
        self._actions: dict[ChatKey, tuple[str, float]] = {}
        book.listen(self._ring)

    async def open(self, bot_id: int) -> None:
        """Index what the book read, and see to it that there are people and a bot to talk to."""
        for message in self._book.table(Message).values():
            self._history.setdefault((message.bot_id, message.chat_id), {})[message.message_id] = message
        async with self._book.writing():
            if self._book.get(Desk, "desk") is None:
                self._book.put(Desk(bot_id=bot_id, credit=START_CREDIT))
                for user in PEOPLE:
                    self._book.put(user)
            self.bot(bot_id)

    @property
    def desk(self) -> Desk:
        """The one desk."""
        return self._book.get(Desk, "desk") or Desk(bot_id=0, credit=START_CREDIT)

    def bot(self, bot_id: int) -> Bot:
        """Return the bot, made on first sight.

        Update ids start at the clock's seconds: a sandbox whose folder was deleted then never repeats an id that the
        bot's inbox still remembers and would take for a duplicate.
        """
        bot = self._book.get(Bot, bot_id)
        if bot is None:
            bot = Bot(id=bot_id, next_update=int(self._clock()))
            self._book.put(bot)
        return bot

    def choose(self, bot_id: int) -> None:
        """Make this bot the one that the chat page talks to."""
        if self.desk.bot_id != bot_id:
            self._book.put(replace(self.desk, bot_id=bot_id))

    def history(self, bot_id: int, chat_id: int) -> dict[int, Message]:
        """Return the messages of a chat by number, oldest first; empty when they never spoke."""
        return self._history.get((bot_id, chat_id), {})

    def find(self, bot_id: int, chat_id: int, message_id: int) -> Message | None:
        """Return a message that is still there."""
        message = self.history(bot_id, chat_id).get(message_id)
        return None if message is None or message.deleted else message

    def person(self, chat_id: int, name: str = "", language: str = "") -> User:
        """Return the person of a private chat, made or updated by what is given."""
        user = self._book.get(User, chat_id)
        changed = User(
            id=chat_id,
            name=name or (user.name if user else f"User {chat_id}"),
            language=language or (user.language if user else "en"),
            username=user.username if user else None,
        )
        if changed != user:
            self._book.put(changed)
        return changed

    def groups(self, bot_id: int) -> list[int]:
        """Return the groups in which anybody has written."""
        return [chat_id for bot, chat_id in self._history if bot == bot_id and chat_id < 0]

    def post(
        self, bot_id: int, chat_id: int, content: dict[str, Any], *, is_from_bot: bool, user_id: int = 0
    ) -> Message:
        """Add a message to the chat and return it; in a group, `user_id` is who wrote it."""
        bot = self.bot(bot_id)
        self._book.put(replace(bot, next_message=bot.next_message + 1))
        chat = group_json(chat_id) if chat_id < 0 else chat_json(self.person(chat_id))
        sender = bot_json(bot_id) if is_from_bot else user_json(self.person(user_id or chat_id))
        head = {"message_id": bot.next_message, "from": sender, "chat": chat, "date": int(self._clock())}
        if is_from_bot:
            self._actions.pop((bot_id, chat_id), None)
        message = Message(
            bot_id=bot_id,
            chat_id=chat_id,
            message_id=bot.next_message,
            revision=self._book.next_revision(),
            is_from_bot=is_from_bot,
            body=head | content,
        )
        return self._keep(message)

    def change(self, message: Message, body: dict[str, Any] | None) -> Message:
        """Replace what a message says, or delete it with None."""
        return self._keep(
            replace(
                message,
                revision=self._book.next_revision(),
                body=message.body if body is None else body,
                deleted=body is None,
            )
        )

    def queue(self, bot_id: int, message: Message, kind: str, body: dict[str, Any]) -> None:
        """Queue an update about a message for the bot, unless its allowed_updates leave this kind out."""
        self.push(bot_id, message.chat_id, kind, body, None if message.is_from_bot else message.message_id)

    def push(self, bot_id: int, lane: int, kind: str, body: dict[str, Any], message_id: int | None = None) -> None:
        """Queue any update, behind those of its lane, which is a chat's or one apart."""
        bot = self.bot(bot_id)
        if bot.allowed_updates and kind not in bot.allowed_updates:
            return
        self._book.put(replace(bot, next_update=bot.next_update + 1))
        self._book.put(
            Update(
                bot_id=bot_id,
                update_id=bot.next_update,
                chat_id=lane,
                message_id=message_id,
                date=self._clock(),
                body={"update_id": bot.next_update, kind: body},
            )
        )

    def act(self, bot_id: int, chat_id: int, action: str) -> None:
        """Show what the bot is doing for a few seconds."""
        self._actions[bot_id, chat_id] = (action, self._clock() + ACTION_SECONDS)
        self._bells.ring(chat_id)

    def action(self, bot_id: int, chat_id: int) -> str | None:
        """Return what the bot is doing in this chat now."""
        action, until = self._actions.get((bot_id, chat_id), ("", 0.0))
        return action if until > self._clock() else None

    def _keep(self, message: Message) -> Message:
        history = self._history.setdefault((message.bot_id, message.chat_id), {})
        history[message.message_id] = message
        self._book.put(message)
        while len(history) > KEPT_MESSAGES:
            self._book.drop(history.pop(next(iter(history))))
        return message

    def _ring(self, put: list[Record], dropped: list[Record]) -> None:
        touched = [record for record in (*put, *dropped) if isinstance(record, Message | Query | Update)]
        for chat_id in dict.fromkeys(record.chat_id for record in touched):
            self._bells.ring(chat_id)


def bot_json(bot_id: int) -> dict[str, Any]:
    """Return the bot as Telegram's User."""
    return {"id": bot_id, "is_bot": True, "first_name": "Vigil", "username": "vigil_sandbox_bot"}


def user_json(user: User) -> dict[str, Any]:
    """Return a person as Telegram's User."""
    named = {"username": user.username} if user.username else {}
    return {"id": user.id, "is_bot": False, "first_name": user.name, **named, "language_code": user.language}


def group_json(chat_id: int) -> dict[str, Any]:
    """Return a group as Telegram's Chat; the ids of supergroups begin with -100."""
    kind = "supergroup" if str(chat_id).startswith("-100") else "group"
    return {"id": chat_id, "title": f"Group {-chat_id % SUPERGROUPS}", "type": kind}


def chat_json(user: User) -> dict[str, Any]:
    """Return the private chat with a person as Telegram's Chat."""
    named = {"username": user.username} if user.username else {}
    return {"id": user.id, "first_name": user.name, **named, "type": "private"}
