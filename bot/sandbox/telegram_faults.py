"""The faults and limits of Telegram that can be asked for."""

from __future__ import annotations

from typing import Final

from bot.sandbox import flood
from bot.sandbox.fault import SECONDS_TEXT, STATUS, STATUS_TEXT, Fault, ids, integer, seconds, switch, word, words
from bot.sandbox.medium import REFUSED

REFUSALS = {
    "on": "bot was blocked by the user",
    "deactivated": "user is deactivated",
    "kicked": "bot was kicked from the group chat",
}
"""What `telegram_blocked` can be, and what Telegram says then."""


def migration(text: str) -> str:
    """Read a group's old and its new id."""
    old, new = (int(part) for part in text.split(">"))
    if not (old < 0 and new < 0 and old != new):
        raise ValueError(text)
    return f"{old}>{new}"


def media(text: str) -> str:
    """Read kinds of media."""
    if not (kinds := words(text.lower())) or not set(kinds.split(",")) <= REFUSED.keys():
        raise ValueError(text)
    return kinds


BYTES: Final = integer(1, 2**31)

TELEGRAM: Final = (
    Fault("telegram_http", "Sends answer this HTTP status and do nothing.", STATUS_TEXT, STATUS),
    Fault("telegram_retry_after", "Sends answer 429 with retry_after.", "seconds, 1-3600", integer(1, 3600)),
    Fault("telegram_lose_reply", "Sends are done, but answer this HTTP status.", STATUS_TEXT, STATUS),
    Fault(
        "telegram_blocked",
        "Sends answer 403: blocked by the user (on), the user is gone, or kicked from the group.",
        ", ".join(REFUSALS),
        word(*REFUSALS),
    ),
    Fault(
        "telegram_migrated",
        "Sends to the group OLD answer 400 with migrate_to_chat_id NEW.",
        "OLD>NEW, two negative ids",
        migration,
    ),
    Fault(
        "telegram_limits",
        "Sends above these limits answer 429: in a chat, in a group besides, of the bot. on: Telegram's own.",
        f"on, or three of NUMBER/SECONDS: {flood.TELEGRAM}",
        flood.parse,
    ),
    Fault("telegram_latency", "Every Bot API call takes this much longer.", SECONDS_TEXT, seconds),
    Fault(
        "telegram_refuse_media",
        "Sends of these media answer the 400 of content that Telegram does not take.",
        f"of {', '.join(REFUSED)}, by comma",
        media,
    ),
    Fault("telegram_upload_limit", "Uploads of more bytes answer 413 (really 50 MB).", "bytes", BYTES),
    Fault("telegram_download_limit", "getFile says that files of more bytes are too big (20 MB).", "bytes", BYTES),
    Fault("telegram_file_lost", "Every file_id is unknown, to sends and to getFile.", "on", switch),
    Fault("telegram_download_http", "Downloads of files answer this HTTP status.", STATUS_TEXT, STATUS),
    Fault("telegram_only", "The telegram_* faults of sends hit these methods only.", "methods, by comma", words),
    Fault("telegram_chats", "The telegram_* faults of sends hit these chats only.", "ids, by comma", ids),
    Fault("telegram_pause", "No update is delivered.", "on", switch),
    Fault("telegram_duplicate", "The webhook gets each update twice, same update_id.", "on", switch),
    Fault(
        "telegram_backoff",
        "Scale of the waits between redeliveries: 0.01 makes 2 s into 20 ms.",
        "0-10",
        lambda text: min(seconds(text), 10.0),
        1.0,
    ),
)
