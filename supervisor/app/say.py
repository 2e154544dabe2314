"""`vigil sandbox say`: be a user of the sandbox for one message or one press, and show what the bot answers.

Nothing in a chat says which message answers which. What comes is taken for the answer, unless the bot owed this chat
answers already, after a downtime: so many messages are shown as perhaps theirs, and the answer is what follows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import httpx

from bot.sandbox.client import Client, SandboxError, Writing, connected
from supervisor.errors import ExitCode, Unavailable, UsageError

QUIET_SECONDS: Final = 1.3
"""So long nothing new may come before the answer is taken for complete: a chat takes one message a second."""
LOOK_SECONDS: Final = 0.5
"""How long one look at the chat waits; what keeps a bot busy ends without a ring."""
NEWEST: Final = 2**62
FIELDS: Final = ("message_id", "kind", "text", "buttons", "file")

Print = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Words:
    """What the person does: write `text`, send `files` with it, or press the button `press`.

    `language` is theirs from now on; `user` says who in a group it is, `reply` which message they answer, `kind` as
    what their files are sent.
    """

    text: str
    press: str
    language: str = ""
    files: tuple[Path, ...] = ()
    kind: str = ""
    user: int = 0
    reply: int = 0

    def check(self, chat: int) -> None:
        """Refuse what nobody can do."""
        says, presses = bool(self.text.strip() or self.files), bool(self.press.strip())
        if says == presses:
            hint = 'vigil sandbox say "a red fox in snow"'
            raise UsageError("Say a TEXT, with or without --file PATH, or --press LABEL.", hint=hint)
        missing = [str(path) for path in self.files if not path.is_file()]
        if missing:
            raise UsageError(f"--file {', '.join(missing)}: there is no such file.")
        if self.kind and not self.files:
            raise UsageError("--as says as what a --file is sent, and there is none.")
        if chat == 0 or (chat > 0 and self.user not in (0, chat)):
            hint = "a chat with a positive id is that user's own; groups have negative ids"
            raise UsageError(f"Chat {chat} is none that user {self.user or chat} can write in.", hint=hint)


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
    """Return 0 once the bot has answered and is quiet, 1 when it surely has not within `wait` seconds; 0: do not wait."""
    words.check(chat)
    show = _as_json(out, err) if as_json else _for_people(out)
    try:
        async with connected(f"http://127.0.0.1:{port}") as client:
            before = await client.chat(chat, after=NEWEST)
            answers = Answers(before.get("unanswered", 0), await _act(client, words, chat))
            if wait <= 0 or await _listen(client, chat, before["after"], wait, answers=answers, show=show):
                return ExitCode.OK
    except httpx.HTTPError as error:
        hint = "vigil run --sandbox, or vigil sandbox serve; SANDBOX_PORT says where it is."
        raise Unavailable(f"No sandbox answers on port {port}: {type(error).__name__}.", hint=hint) from error
    except SandboxError as refusal:
        err(f"vigil: {refusal}\n")
        return ExitCode.FAILED
    doubt = " that is surely to this: it owed answers to earlier messages" if before.get("unanswered") else ""
    hint = "vigil status" if chat > 0 else "a command, or --reply ID: in a group the bot hears nothing else"
    err(f"vigil: no answer from the bot in chat {chat} within {wait:g} s{doubt}.\nTry: {hint}\n")
    return ExitCode.FAILED


@dataclass(slots=True)
class Answers:
    """Tells answers to our words or press from those that the bot `owed` this chat before; `ours` is our press."""

    owed: int
    ours: dict[str, Any] = field(default_factory=dict)

    def is_earlier(self, item: dict[str, Any]) -> bool:
        """Tell whether this may answer something earlier; each new message pays one of the debts."""
        if not self.owed:
            return False
        if "toast" in item:
            return bool(item["id"] != self.ours.get("id"))
        if "edit_date" in item["message"]:
            return bool(item["message_id"] != self.ours.get("message_id"))
        self.owed -= 1
        return True


async def _act(client: Client, words: Words, chat: int) -> dict[str, Any]:
    """Press or write; return the press, with its id and message, or nothing."""
    if words.press:
        return await client.press(words.press, chat, user=words.user)
    writer = Writing(language=words.language, user=words.user, reply_to=words.reply)
    if words.files:
        files = [(path.name, await anyio.Path(path).read_bytes()) for path in words.files]
        await client.attach(files, chat, caption=words.text, kind=words.kind, **writer)
    else:
        await client.write(words.text, chat, **writer)
    return {}


async def _listen(
    client: Client, chat: int, after: int, wait: float, *, answers: Answers, show: Callable[[dict[str, Any]], None]
) -> bool:
    """Show what comes until the bot is quiet or the time is up; tell whether an answer came."""
    end = anyio.current_time() + wait
    heard, is_answered, active = -1, False, anyio.current_time()
    while (now := anyio.current_time()) < end:
        patience = min(LOOK_SECONDS, end - now, max(0.05, active + QUIET_SECONDS - now))
        seen = await client.chat(chat, after=after, heard=heard, wait=patience)
        after, heard = seen["after"], seen["heard"]
        said = [message for message in seen["messages"] if message["from_bot"] and not message["deleted"]]
        told = [{"toast": answer["text"], "id": answer["id"]} for answer in seen["answers"] if answer["text"]]
        for item in (*told, *said):
            item["earlier"] = answers.is_earlier(item)
            is_answered = is_answered or not item["earlier"]
            show(item)
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
        record = {name: item[name] for name in FIELDS}
        record |= {"edited": "edit_date" in item["message"], "earlier": item["earlier"]}
        out(json.dumps(record, ensure_ascii=False) + "\n")

    return show


def _for_people(out: Print) -> Callable[[dict[str, Any]], None]:
    def show(item: dict[str, Any]) -> None:
        if "toast" in item:
            out(f"  ({printable(item['toast'])})\n\n")
            return
        head = "Vigil, edited" if "edit_date" in item["message"] else "Vigil"
        head += ", perhaps to an earlier message" if item["earlier"] else ""
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
