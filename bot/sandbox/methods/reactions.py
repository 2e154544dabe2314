"""setMessageReaction: the bot's own, one to a message."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.sandbox.errors import bad_request
from bot.sandbox.methods.content import message_of
from bot.sandbox.parameters import Parameters
from bot.sandbox.world import World

_EMOJI = (
    "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 "
    "🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡"
)
EMOJI: Final = frozenset(_EMOJI.split())
"""What Telegram lets anybody react with."""


async def set_message_reaction(world: World, bot_id: int, parameters: Parameters) -> bool:
    """Show the bot's reaction at a message; none takes it away."""
    given = parameters.json("reaction") or []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise bad_request("can't parse reaction: expected an Array of ReactionType")
    if len(given) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    emoji = str(given[0].get("emoji", "")).replace("\ufe0f", "") if given else ""
    if given and (given[0].get("type") != "emoji" or emoji not in EMOJI):
        raise bad_request("REACTION_INVALID")
    async with world.book.writing():
        message = message_of(world, bot_id, parameters, "react")
        world.chats.change(replace(message, reaction=emoji), message.body)
    return True
