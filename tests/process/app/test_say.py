"""`vigil sandbox say` and `faults`: a shell is enough to be a user."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from PIL import Image

from bot.sandbox.client import Client, connected
from bot.sandbox.testing import running, until
from bot.sandbox.tinybot import TinyBot
from supervisor.app.say import Words, printable, say
from supervisor.errors import Unavailable, UsageError


@pytest.fixture
async def client(home: Path) -> AsyncIterator[Client]:
    """A sandbox with a tiny bot in it."""
    async with running(home) as address, connected(address) as client, anyio.create_task_group() as group:
        await client.set_faults(provider_latency=0.3)
        await group.start(TinyBot(client).serve)
        yield client
        group.cancel_scope.cancel()


async def vigil(client: Client, *arguments: str) -> tuple[int, str, str]:
    """Run the command and return its exit code and what it wrote."""
    environment = os.environ | {"SANDBOX_PORT": str(port_of(client))}
    done = await anyio.run_process([sys.executable, "-m", "supervisor", *arguments], env=environment, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def port_of(client: Client) -> int:
    """Return the sandbox's port."""
    return urlsplit(client.address).port or 0


async def test_say_then_press_then_the_picture(client: Client) -> None:
    """The whole way from a shell: JSON lines with the documented fields, the picture as a file."""
    code, out, err = await vigil(client, "sandbox", "say", "a red fox in snow", "--json")
    assert (code, err) == (0, "")
    (offer,) = map(json.loads, out.splitlines())
    assert offer == {
        "message_id": 2,
        "kind": "text",
        "text": "You said: a red fox in snow",
        "buttons": ["Draw it"],
        "file": None,
        "edited": False,
        "earlier": False,
    }
    code, out, err = await vigil(client, "sandbox", "say", "--press", "Draw it", "--json")
    assert (code, err) == (0, "(On it)\n")
    edit, picture = map(json.loads, out.splitlines())
    assert (edit["text"], edit["edited"], edit["buttons"]) == ("Drawing…", True, [])
    assert (picture["kind"], picture["text"]) == ("photo", "Here it is")
    with Image.open(picture["file"]) as image:
        assert image.size == (1152, 864)


async def test_people_see_text_buttons_and_where_the_picture_is(client: Client) -> None:
    """Without --json."""
    lines: list[str] = []
    shown = partial(say, port_of(client), chat=1001, wait=10, as_json=False, out=lines.append)
    assert await shown(Words("кот", "")) == 0
    assert "".join(lines) == "Vigil\n  You said: кот\n  [ Draw it ]\n\n"
    assert await shown(Words("", "draw")) == 0
    assert "(On it)" in "".join(lines)
    assert "photo: /" in lines[-1]
    assert "(1152 x 864)" in lines[-1]


async def test_no_answer_is_exit_1_with_one_clear_line(client: Client) -> None:
    """After --wait seconds."""
    code, out, err = await vigil(client, "sandbox", "say", "silence", "--wait", "0.5")
    assert (code, out) == (1, "")
    assert err.startswith("vigil: no answer from the bot in chat 1001 within 0.5 s.\n")


async def test_answers_that_the_bot_owed_are_not_taken_for_this_one(client: Client) -> None:
    """After a downtime it answers what waited first; its own answer is waited for, however long the others take."""
    await client.set_faults(telegram_pause="on")
    await client.write("first", 1001)
    await client.write("second", 1001)
    lines: list[str] = []
    async with anyio.create_task_group() as group:
        group.start_soon(_resumed_after_a_look, client)
        code = await say(port_of(client), Words("third", ""), chat=1001, wait=20, as_json=True, out=lines.append)
    said = [json.loads(line) for line in lines]
    assert code == 0
    assert [(each["text"], each["earlier"]) for each in said] == [
        ("You said: first", True),
        ("You said: second", True),
        ("You said: third", False),
    ]


async def _resumed_after_a_look(client: Client) -> None:
    """Let updates through once the third is written, one each second, as a bot within its limits would answer."""
    await until(lambda: _pending(client, 3), "all three wait")
    await client.set_faults(telegram_pause="off", telegram_latency=1)


async def _pending(client: Client, number: int) -> bool:
    return bool((await client.get("/sandbox/state"))["pending"] == number)


async def test_only_answers_to_earlier_messages_are_no_answer(client: Client) -> None:
    """Exit 1, and why: the message before was of a kind that this bot leaves unanswered, which nobody can know."""
    await client.write("silence", 1001)
    lines: list[str] = []
    problems: list[str] = []
    code = await say(
        port_of(client),
        Words("hello", ""),
        chat=1001,
        wait=1.5,
        as_json=False,
        out=lines.append,
        err=problems.append,
    )
    assert code == 1
    assert lines[0].startswith("Vigil, perhaps to an earlier message\n  You said: hello")
    assert "owed answers to earlier messages" in problems[0]


async def test_a_button_that_does_not_exist_is_exit_1_and_names_those_that_do(client: Client) -> None:
    """A typing mistake is found at once."""
    await client.write("hello", 1001)
    await say(port_of(client), Words("hello", ""), chat=1001, wait=10, as_json=True, out=lambda _: None)
    problems: list[str] = []
    code = await say(port_of(client), Words("", "Erase it"), chat=1001, wait=10, as_json=True, err=problems.append)
    assert code == 1
    assert problems == ["vigil: Chat 1001 has no button “Erase it”. There are: Draw it.\n"]


@pytest.mark.parametrize("words", [Words("", ""), Words("both", "both"), Words("  ", "")])
async def test_either_a_text_or_a_press(words: Words) -> None:
    """Anything else is a usage error, before anything is sent."""
    with pytest.raises(UsageError):
        await say(1, words, chat=1001, wait=1, as_json=True)


async def test_without_a_sandbox_it_is_unavailable() -> None:
    """Exit 69, and how to get one."""
    with pytest.raises(Unavailable, match="No sandbox answers on port 9"):
        await say(9, Words("hello", ""), chat=1001, wait=1, as_json=True)


async def test_faults_are_listed_set_and_reset_by_the_command(client: Client) -> None:
    """Wrong names are a usage error that says which are near."""
    code, out, _ = await vigil(client, "sandbox", "faults")
    assert code == 0
    assert "provider_latency" in out
    assert "takes seconds" in out
    code, out, _ = await vigil(client, "sandbox", "faults", "provider_refuse=402*2", "provider_latency=off")
    assert code == 0
    assert out.startswith("  provider_latency  2.0")
    assert "* provider_refuse   402 (next 2)" in out
    code, _, err = await vigil(client, "sandbox", "faults", "provider_latenc=1")
    assert code == 64
    assert "Near: provider_latency" in err


def test_a_bots_text_cannot_command_the_terminal() -> None:
    """Escape sequences are left out."""
    assert printable("a\x1b[31mb\nc\u202e") == "a[31mb\nc"


async def test_off_alone_makes_everything_right_again(client: Client) -> None:
    """Whatever was set, and however often it was to happen."""
    code, _, _ = await vigil(client, "sandbox", "faults", "provider_http=503*2", "telegram_latency=3")
    assert code == 0
    code, said, _ = await vigil(client, "sandbox", "faults", "off", "--json")
    assert code == 0
    assert not [fault["name"] for fault in json.loads(said) if fault["set"]]
