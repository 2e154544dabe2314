"""The Bot API's methods by name; a new one is a function `(world, bot_id, parameters)` and its entry here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from bot.sandbox.methods import commands, downloads, edits, media, messages, queries, reactions, updates, webhooks
from bot.sandbox.parameters import Parameters
from bot.sandbox.world import World

Method = Callable[[World, int, Parameters], Awaitable[object]]

METHODS: Final[dict[str, Method]] = {
    "getMe": commands.get_me,
    "setMyCommands": commands.set_my_commands,
    "getMyCommands": commands.get_my_commands,
    "deleteMyCommands": commands.delete_my_commands,
    "setWebhook": webhooks.set_webhook,
    "deleteWebhook": webhooks.delete_webhook,
    "getWebhookInfo": webhooks.get_webhook_info,
    "getUpdates": updates.get_updates,
    "sendMessage": messages.send_message,
    "sendChatAction": messages.send_chat_action,
    "sendPhoto": media.send_photo,
    "sendVideo": media.send_video,
    "sendAnimation": media.send_animation,
    "sendAudio": media.send_audio,
    "sendVoice": media.send_voice,
    "sendDocument": media.send_document,
    "sendMediaGroup": media.send_media_group,
    "getFile": downloads.get_file,
    "editMessageText": edits.edit_message_text,
    "editMessageCaption": edits.edit_message_caption,
    "editMessageMedia": edits.edit_message_media,
    "editMessageReplyMarkup": edits.edit_message_reply_markup,
    "deleteMessage": edits.delete_message,
    "setMessageReaction": reactions.set_message_reaction,
    "answerCallbackQuery": queries.answer_callback_query,
    "answerPreCheckoutQuery": queries.answer_pre_checkout_query,
}

BY_LOWER_NAME: Final = {name.lower(): (name, method) for name, method in METHODS.items()}
"""Telegram takes method names in any case."""

SENDS: Final = frozenset(
    name for name in METHODS if name.startswith(("send", "edit", "answer", "setMessage", "deleteMessage"))
)
"""The methods with an effect a person sees; the telegram_* faults of sends hit these."""
