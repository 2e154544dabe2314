"""Inline keyboards: validated as Telegram validates them, and searched for the button a person means."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from bot.sandbox.errors import bad_request

ACTIONS: Final = (
    "callback_data", "url", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay",
)  # fmt: skip
MAX_DATA_BYTES: Final = 64
MAX_BUTTONS: Final = 100

Keyboard = dict[str, Any]


def parse_markup(value: object) -> Keyboard | None:
    """Return the inline keyboard of a `reply_markup`, None for none or an empty one; raise Telegram's 400."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else None
        except ValueError as error:
            raise bad_request("can't parse reply keyboard markup JSON object") from error
    if value is None:
        return None
    if not isinstance(value, dict):
        raise bad_request("object expected as reply markup")
    if value.get("remove_keyboard") or value.get("force_reply") or not value:
        return None
    if "inline_keyboard" not in value:
        raise bad_request("the sandbox shows inline keyboards only")
    rows = value["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    kept = [[_button(button) for button in row] for row in rows if row]
    if sum(map(len, kept)) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    return {"inline_keyboard": kept} if kept else None


def _button(button: object) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if not isinstance(button.get("text"), str):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    if not button["text"].strip():
        raise bad_request("inline keyboard button text must be non-empty")
    actions = [name for name in ACTIONS if button.get(name) not in (None, False)]
    if not actions:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= MAX_DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    url = button.get("url")
    if url is not None and not str(url).startswith(("http://", "https://", "tg://")):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: URL host is empty")
    return {name: value for name, value in button.items() if value is not None}


def labels(markup: Keyboard | None) -> list[str]:
    """Return the labels of all buttons, row by row."""
    return [button["text"] for row in (markup or {}).get("inline_keyboard", []) for button in row]


def find_button(markups: Iterable[tuple[int, Keyboard | None]], label: str) -> tuple[int, dict[str, Any]] | None:
    """Return message and button that a person means by `label`, looking at the given messages in their order.

    The exact label wins over all messages; then a label that contains it, whatever the case, when only one of a
    message does.
    """
    wanted = label.strip()
    keyboards = [
        (message_id, [button for row in (markup or {}).get("inline_keyboard", []) for button in row])
        for message_id, markup in markups
    ]
    for message_id, buttons in keyboards:
        for button in buttons:
            if button["text"].strip() == wanted:
                return message_id, button
    for message_id, buttons in keyboards:
        near = [button for button in buttons if wanted and wanted.casefold() in button["text"].casefold()]
        if len(near) == 1:
            return message_id, near[0]
    return None
