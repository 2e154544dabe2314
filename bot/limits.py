"""How fast Telegram may be called: its limits as rules of time, no I/O.

    free ── begun: takes a place ──▶ under way ── answered ──▶ counts for one window more ──▶ free

Telegram counts a call at some moment between its request and its answer, and does not say at which. So a call holds
its place from its beginning until a whole window after its answer: whatever that moment was, no window of Telegram's
clock holds more than the limit. What is no message (`UNCOUNTED`) takes no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bot.generation.cadence import Pace

Limit = Literal["chat", "group", "overall"]
Window = tuple[int, float]
"""So many in any so many seconds."""

UNCOUNTED: Final = frozenset({"answerCallbackQuery"})
"""Calls that put no message into a chat."""
FLOODED_CHATS: Final = 3
FLOOD_SECONDS: Final = 10.0
"""So many different people that are told to wait within so many seconds: it is the bot that is too fast."""
PAUSE_SECONDS: Final = 5.0
"""The longest pause of everything; then one call shows whether it goes on."""
TRIAL_SECONDS: Final = 2.0
"""How long the others wait for that one's answer: a wait is told at once, so what takes longer shows nothing soon."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Telegram's own: in every chat, in every group (negative ids) besides, and for the bot as a whole."""

    chat: Window = (1, 1.0)
    group: Window = (20, 60.0)
    overall: Window = (30, 1.0)


class Rates:
    """The places that are taken; what nobody can wait for any more is forgotten."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._overall = Pace(limits.overall)
        self._under_way = 0
        # Oldest last use first, so that what has run out stands in front.
        self._chats: dict[int, dict[Limit, Pace]] = {}

    def free(self, now: float) -> int:
        """Return how many calls may begin now, as far as the bot as a whole is concerned."""
        return max(0, self._overall.free(now) - self._under_way)

    def overall_wait(self, now: float) -> float:
        """Return the seconds until a call may begin; infinite when one under way must be answered first."""
        return self._overall.wait(now, self._under_way)

    def chat_wait(self, chat_id: int, now: float) -> tuple[float, Limit]:
        """Return the seconds until a call to this chat may begin, 0 for now, and the limit that says so."""
        waits = [(pace.wait(now), limit) for limit, pace in self._chats.get(chat_id, {}).items()]
        return max(waits, default=(0.0, "chat"), key=lambda wait: wait[0])

    def begin(self) -> None:
        """Take a place for a call."""
        self._under_way += 1

    def cancel(self) -> None:
        """Give back the place of a call that was not made."""
        self._under_way -= 1

    def end(self, chat_id: int, now: float) -> None:
        """Note the answer to a call, or that none came: it counts from now on for one window."""
        self._under_way -= 1
        self.count(chat_id, now)

    def count(self, chat_id: int, now: float) -> None:
        """Count a call that this process has not made, or whose moment is not known better; never before another."""
        self._overall.take(now)
        paces = self._chats.pop(chat_id, None) or self._paces(chat_id)
        for pace in paces.values():
            pace.take(now)
        self._chats[chat_id] = paces
        self._forget(now)

    def __len__(self) -> int:
        """How many chats are remembered."""
        return len(self._chats)

    def _paces(self, chat_id: int) -> dict[Limit, Pace]:
        paces: dict[Limit, Pace] = {"chat": Pace(self._limits.chat)}
        return paces if chat_id > 0 else paces | {"group": Pace(self._limits.group)}

    def _forget(self, now: float) -> None:
        while all(pace.is_idle(now) for pace in next(iter(self._chats.values())).values()):
            del self._chats[next(iter(self._chats))]


class Floods:
    """Tells the bot's own limit from one chat's, by who is told to wait.

        open ── FLOODED_CHATS people told within FLOOD_SECONDS ──▶ pause ──▶ one call at a time ── answered ──▶ open
                                                                     ▲              │
                                                                     └───── told ◀──┘

    A wait stops the chat it was for. Groups have a limit of their own, so they tell nothing of the bot's. A pause is
    short, however long the waits are: what may be one person's wait must not silence everybody.
    """

    def __init__(self) -> None:
        self._told: dict[int, tuple[float, float]] = {}
        self._until = 0.0
        self._is_trying = False

    def tell(self, chat_id: int, seconds: float, now: float) -> float:
        """Note that a call to this chat was answered with a wait; return for how long everything pauses now."""
        if chat_id < 0 or self.pause(now):
            return self.pause(now)
        known = {} if self._is_trying else self._told
        self._told = {chat: (at, end) for chat, (at, end) in known.items() if now - at < FLOOD_SECONDS}
        self._told[chat_id] = now, now + seconds
        if self._is_trying or len(self._told) >= FLOODED_CHATS:
            self._until = min(now + PAUSE_SECONDS, *(end for _, end in self._told.values()))
            self._is_trying = True
        return self.pause(now)

    def answered(self, now: float) -> None:
        """Note that Telegram answered a call otherwise: after a pause, everything may go on."""
        if self._is_trying and not self.pause(now):
            self._told, self._is_trying = {}, False

    def pause(self, now: float) -> float:
        """Return for how many seconds nothing may be sent at all."""
        return max(0.0, self._until - now)

    def allowed(self, most: int, now: float, began: Sequence[float] = ()) -> int:
        """Return how many more of at most so many calls may begin, where those under way began at these times."""
        if self.pause(now):
            return 0
        free = most - len(began)
        # What began before the pause shows nothing, and a call that is slow may take minutes.
        since = max(self._until, now - TRIAL_SECONDS)
        return min(free, 1 - sum(at >= since for at in began)) if self._is_trying else free
