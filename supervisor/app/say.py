"""`vigil sandbox say`: be a user of the sandbox for one message or one press, and show what the bot answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import anyio
import httpx

from bot.sandbox.client import Client, SandboxError, connected
from supervisor.errors import ExitCode, Unavailable, UsageError

QUIET_SECONDS: Final = 0.7
"""So long nothing new may come before the answer is taken for complete."""
LOOK_SECONDS: Final = 0.5
"""How long one look at the chat waits; what keeps a bot busy ends without a ring."""
NEWEST: Final = 2**62
FIELDS: Final = ("message_id", "kind", "text", "buttons", "file")

Print = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Words:
    """What the person does: write `text` or press the button `press`, in the language they have."""

    text: str
    press: str
    language: str = ""


async def say(
    port: int,
    words: Words,
    *,
    chat: int,
    wait: float,
    as_json: bool,
    out: Print = sys.stdout.write,
    err: Print = sys.stderr.write,
) -> int:
    """Return 0 once the bot has answered and is quiet, 1 when it did not within `wait` seconds; 0 waits for nothing."""
    if bool(words.text.strip()) == bool(words.press.strip()):
        raise UsageError("Say either a TEXT or --press LABEL.", hint='vigil sandbox say "a red fox in snow"')
    if chat <= 0:
        raise UsageError(f"--chat {chat}: the sandbox has private chats only, and their ids are positive.")
    show = _as_json(out, err) if as_json else _for_people(out)
    try:
        async with connected(f"http://127.0.0.1:{port}") as client:
            before = await client.chat(chat, after=NEWEST)
            await _act(client, words, chat)
            if wait <= 0 or await _listen(client, chat, before["after"], wait, show):
                return ExitCode.OK
    except httpx.HTTPError as error:
        hint = "vigil run --sandbox, or vigil sandbox serve; SANDBOX_PORT says where it is."
        raise Unavailable(f"No sandbox answers on port {port}: {type(error).__name__}.", hint=hint) from error
    except SandboxError as refusal:
        err(f"vigil: {refusal}\n")
        return ExitCode.FAILED
    err(f"vigil: no answer from the bot in chat {chat} within {wait:g} s.\nTry: vigil status\n")
    return ExitCode.FAILED


async def _act(client: Client, words: Words, chat: int) -> None:
    if words.press:
        await client.press(words.press, chat)
    else:
        await client.write(words.text, chat, language=words.language)


async def _listen(client: Client, chat: int, after: int, wait: float, show: Callable[[dict[str, Any]], None]) -> bool:
    """Show what comes until the bot is quiet or the time is up; tell whether anything came."""
    end = anyio.current_time() + wait
    heard, is_answered, active = -1, False, anyio.current_time()
    while (now := anyio.current_time()) < end:
        patience = min(LOOK_SECONDS, end - now, max(0.05, active + QUIET_SECONDS - now))
        seen = await client.chat(chat, after=after, heard=heard, wait=patience)
        after, heard = seen["after"], seen["heard"]
        said = [message for message in seen["messages"] if message["from_bot"] and not message["deleted"]]
        told = [{"toast": answer["text"]} for answer in seen["answers"] if answer["text"]]
        for item in (*told, *said):
            show(item)
        is_answered = is_answered or bool(said or told)
        if said or told or seen["busy"] or not is_answered:
            active = anyio.current_time()
        elif anyio.current_time() - active >= QUIET_SECONDS:
            return True
    return is_answered


def _as_json(out: Print, err: Print) -> Callable[[dict[str, Any]], None]:
    def show(item: dict[str, Any]) -> None:
        if "toast" in item:
            err(f"({item['toast']})\n")
            return
        record = {name: item[name] for name in FIELDS} | {"edited": "edit_date" in item["message"]}
        out(json.dumps(record, ensure_ascii=False) + "\n")

    return show


def _for_people(out: Print) -> Callable[[dict[str, Any]], None]:
    def show(item: dict[str, Any]) -> None:
        if "toast" in item:
            out(f"  ({printable(item['toast'])})\n\n")
            return
        head = "Vigil, edited" if "edit_date" in item["message"] else "Vigil"
        lines = [f"  {line}" for line in printable(item["text"]).splitlines()]
        if item["file"]:
            size = (item["message"].get("photo") or [{}])[-1]
            sides = f" ({size['width']} x {size['height']})" if size else ""
            lines.append(f"  {item['kind']}: {item['file']}{sides}")
        rows = item["message"].get("reply_markup", {}).get("inline_keyboard", [])
        lines += ["  " + "  ".join(f"[ {printable(button['text'])} ]" for button in row) for row in rows]
        out("\n".join([head, *lines, "", ""]))

    return show


def printable(text: str) -> str:
    """Return the text without what could command a terminal."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")
