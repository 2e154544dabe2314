"""Who the bot is, and its command menus."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from bot.sandbox.chats import bot_json
from bot.sandbox.errors import bad_request
from bot.sandbox.parameters import Parameters
from bot.sandbox.records import Bot
from bot.sandbox.world import World

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
MAX_COMMANDS, MAX_DESCRIPTION = 100, 256


async def get_me(world: World, bot_id: int, _: Parameters) -> dict[str, Any]:
    """Return the bot."""
    async with world.book.writing():
        world.chats.choose(bot_id)
    return bot_json(bot_id) | {
        "can_join_groups": True,
        "can_read_all_group_messages": True,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def set_my_commands(world: World, bot_id: int, parameters: Parameters) -> bool:
    """Replace the command menu of a scope and a language."""
    given = parameters.json("commands")
    if not isinstance(given, list):
        raise bad_request("commands list must be an Array")
    if len(given) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    commands = [_command(entry) for entry in given]
    await _save(world, bot_id, parameters, commands)
    return True


async def delete_my_commands(world: World, bot_id: int, parameters: Parameters) -> bool:
    """Remove the command menu of a scope and a language."""
    await _save(world, bot_id, parameters, [])
    return True


async def get_my_commands(world: World, bot_id: int, parameters: Parameters) -> list[dict[str, str]]:
    """Return the command menu of exactly this scope and language."""
    return world.chats.bot(bot_id).commands.get(_menu(parameters), [])


def menu_for(bot: Bot, chat_id: int, language: str) -> list[dict[str, str]]:
    """Return the menu a person sees in a private chat: the closest scope wins, then the person's language."""
    for scope in (f"chat:{chat_id}", "all_private_chats", "default"):
        for code in (language, ""):
            if menu := bot.commands.get(f"{scope}/{code}"):
                return menu
    return []


async def _save(world: World, bot_id: int, parameters: Parameters, commands: list[dict[str, str]]) -> None:
    menu = _menu(parameters)
    async with world.book.writing():
        bot = world.chats.bot(bot_id)
        kept = {name: entries for name, entries in bot.commands.items() if name != menu}
        world.book.put(replace(bot, commands=kept | ({menu: commands} if commands else {})))


def _menu(parameters: Parameters) -> str:
    scope = parameters.json("scope") or {"type": "default"}
    if not isinstance(scope, dict) or not isinstance(scope.get("type"), str):
        raise bad_request("BotCommandScope must have a type")
    chat = f":{scope['chat_id']}" if "chat_id" in scope else ""
    return f"{scope['type']}{chat}/{parameters.text('language_code')}"


def _command(entry: object) -> dict[str, str]:
    if not isinstance(entry, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name = str(entry.get("command", "")).removeprefix("/")
    description = str(entry.get("description", "")).strip()
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= MAX_DESCRIPTION:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}
