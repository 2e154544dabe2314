"""Telegram's limits as the sandbox enforces them: a sliding window for each chat, each group and each bot.

Refused calls do not count. `retry_after` is whole seconds, as Telegram's is.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

TELEGRAM: Final = "1/1,20/60,30/1"
"""A message a second in a chat, 20 a minute in a group, 30 a second in all."""
UNCOUNTED: Final = frozenset({"answerCallbackQuery", "sendChatAction"})
Window = tuple[int, float]


def parse(text: str) -> str:
    """Check `chat,group,overall`, each written NUMBER/SECONDS; `on` means Telegram's own."""
    chosen = TELEGRAM if text.lower() == "on" else text
    if len(_windows(chosen)) != TELEGRAM.count(",") + 1:
        raise ValueError(text)
    return chosen


def _windows(text: str) -> list[Window]:
    windows = [(int(most), float(seconds)) for most, _, seconds in (part.partition("/") for part in text.split(","))]
    if any(most < 1 or not 0 < seconds <= 3600 for most, seconds in windows):  # noqa: PLR2004 - an hour
        raise ValueError(text)
    return windows


@dataclass(slots=True)
class Flood:
    """What was taken lately, by bot and chat."""

    _taken: dict[tuple[int, int, Window], deque[float]] = field(default_factory=dict)

    def wait(self, limits: str, bot_id: int, chat_id: int, now: float) -> int:
        """Take a call now and return 0, or the seconds to wait and take nothing."""
        chat, group, overall = _windows(limits)
        wanted = [(chat_id, chat), (0, overall), *([(chat_id, group)] if chat_id < 0 else [])]
        places = [(self._taken.setdefault((bot_id, who, window), deque()), window) for who, window in wanted]
        waits = [_free_in(taken, window, now) for taken, window in places]
        if max(waits) > 0:
            return max(1, math.ceil(max(waits)))
        for taken, _ in places:
            taken.append(now)
        return 0


def _free_in(taken: deque[float], window: Window, now: float) -> float:
    most, seconds = window
    while taken and now - taken[0] >= seconds:
        taken.popleft()
    return 0.0 if len(taken) < most else taken[-most] + seconds - now
