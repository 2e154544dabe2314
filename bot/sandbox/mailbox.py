"""Updates that are on disk and that the bot has not confirmed: in order for getUpdates, by chat for the webhook."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from bot.sandbox.book import Book
from bot.sandbox.records import Record, Update

KEPT_SECONDS: Final = 24 * 3600.0
"""Telegram keeps an unconfirmed update for a day."""
CHECKOUT_SECONDS: Final = 150.0
"""And a question before a payment for this long."""
FUTURE: Final = 10
"""An offset so far beyond the newest update is ignored, as Telegram ignores it."""


class Mailbox:
    """The pending updates of every bot."""

    def __init__(self, book: Book, clock: Callable[[], float]) -> None:
        self._book = book
        self._clock = clock
        self._pending: dict[int, OrderedDict[int, Update]] = {}
        self._lanes: dict[tuple[int, int], OrderedDict[int, Update]] = {}
        self._watchers: list[Callable[[int, int], None]] = []
        book.listen(self._saved)

    def open(self) -> None:
        """Take up what an earlier run left, in the order of its numbers."""
        kept = sorted(self._book.table(Update).values(), key=lambda update: update.update_id)
        self._saved([*kept], [])

    def watch(self, watcher: Callable[[int, int], None]) -> None:
        """Call `watcher(bot_id, chat_id)` when an update arrives; it must not wait."""
        self._watchers.append(watcher)

    def lanes(self, bot_id: int) -> list[int]:
        """Return the chats that have pending updates."""
        return [chat_id for bot, chat_id in self._lanes if bot == bot_id]

    def head(self, bot_id: int, chat_id: int) -> Update | None:
        """Return the oldest pending update of a chat."""
        lane = self._lanes.get((bot_id, chat_id))
        return next(iter(lane.values())) if lane else None

    def first(self, bot_id: int, limit: int) -> list[Update]:
        """Return the oldest pending updates of a bot."""
        pending = self._of(bot_id)
        return [update for update, _ in zip(pending.values(), range(limit), strict=False)]

    def waiting(self, bot_id: int, chat_id: int) -> list[int]:
        """Return the numbers of the person's messages that the bot has not taken yet."""
        lane = self._lanes.get((bot_id, chat_id), OrderedDict())
        return [update.message_id for update in lane.values() if update.message_id is not None]

    def count(self, bot_id: int) -> int:
        """How many updates of the bot are pending."""
        return len(self._of(bot_id))

    def has(self, update: Update) -> bool:
        """Whether the update is still pending."""
        return update.update_id in self._of(update.bot_id)

    def expired(self, update: Update) -> bool:
        """Whether the update is too old to be delivered."""
        kept = CHECKOUT_SECONDS if "pre_checkout_query" in update.body else KEPT_SECONDS
        return self._clock() - update.date > kept

    async def confirm(self, bot_id: int, offset: int, tail: int) -> None:
        """Forget every update below `offset`; a negative one leaves that many of the newest; and those too old.

        `tail` is the number of the next update: what is asked for far beyond it confirms nothing.
        """
        pending = self._of(bot_id)
        if offset < 0:
            offset = next(iter(list(pending)[offset:]), 0)
        if offset > tail + FUTURE:
            offset = 0
        done = [u for u in pending.values() if u.update_id < offset or self.expired(u)]
        await self.drop(*done)

    async def clear(self, bot_id: int) -> None:
        """Forget every pending update of a bot."""
        await self.drop(*self._of(bot_id).values())

    async def drop(self, *updates: Update) -> None:
        """Forget these updates for good."""
        if updates:
            async with self._book.writing():
                for update in updates:
                    self._book.drop(update)

    def _of(self, bot_id: int) -> OrderedDict[int, Update]:
        return self._pending.get(bot_id, OrderedDict())

    def _saved(self, put: list[Record], dropped: list[Record]) -> None:
        for update in dropped:
            if isinstance(update, Update):
                self._pending.get(update.bot_id, OrderedDict()).pop(update.update_id, None)
                lane = self._lanes.get((update.bot_id, update.chat_id), OrderedDict())
                lane.pop(update.update_id, None)
                if not lane:
                    self._lanes.pop((update.bot_id, update.chat_id), None)
        for update in put:
            if isinstance(update, Update):
                self._pending.setdefault(update.bot_id, OrderedDict())[update.update_id] = update
                self._lanes.setdefault((update.bot_id, update.chat_id), OrderedDict())[update.update_id] = update
                for watcher in self._watchers:
                    watcher(update.bot_id, update.chat_id)
