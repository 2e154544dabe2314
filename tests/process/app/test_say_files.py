"""`vigil sandbox say` with files and in groups."""

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
from bot.sandbox.clip import clip
from bot.sandbox.melody import melody
from bot.sandbox.testing import running
from bot.sandbox.tinybot import TinyBot
from supervisor.app.say import Words, say
from supervisor.errors import UsageError

GROUP = -1001234


@pytest.fixture
async def client(home: Path) -> AsyncIterator[Client]:
    """A sandbox with a tiny bot in it."""
    async with running(home) as address, connected(address) as client, anyio.create_task_group() as group:
        await group.start(TinyBot(client).serve)
        yield client
        group.cancel_scope.cancel()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a file of each kind."""
    Image.new("RGB", (640, 400), "teal").save(tmp_path / "fox.png")
    (tmp_path / "fox.mp4").write_bytes(clip("a fox"))
    (tmp_path / "song.mp3").write_bytes(melody("a song"))
    (tmp_path / "notes.txt").write_text("words")
    return tmp_path


async def vigil(client: Client, *arguments: str | Path) -> tuple[int, str, str]:
    """Run `vigil sandbox say` and return its exit code and what it wrote."""
    environment = os.environ | {"SANDBOX_PORT": str(urlsplit(client.address).port)}
    command = [sys.executable, "-m", "supervisor", "sandbox", "say", *map(str, arguments)]
    done = await anyio.run_process(command, env=environment, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    ("name", "kind"), [("fox.png", "photo"), ("fox.mp4", "video"), ("song.mp3", "audio"), ("notes.txt", "document")]
)
async def test_a_file_goes_and_comes_back_as_what_it_is(client: Client, files: Path, name: str, kind: str) -> None:
    """The kinds of the JSON lines are the documented ones, and each names a file."""
    lines: list[str] = []
    words = Words("make it red", "", files=(files / name,))
    port = urlsplit(client.address).port or 0
    assert await say(port, words, chat=1001, wait=10, as_json=True, out=lines.append) == 0
    (answer,) = map(json.loads, lines)
    assert (answer["kind"], answer["text"]) == (kind, "You sent: make it red")
    assert await anyio.Path(answer["file"]).is_file()
    (sent, _) = (await client.chat(1001))["messages"]
    assert (sent["kind"], sent["text"]) == (kind, "make it red")


async def test_several_files_are_an_album_and_as_says_as_what(client: Client, files: Path) -> None:
    """From a shell: two photos together; the same two as documents."""
    pair = ("--file", files / "fox.png", "--file", files / "fox.mp4", "--json")
    code, out, err = await vigil(client, *pair)
    assert (code, err) == (0, "")
    assert [json.loads(line)["kind"] for line in out.splitlines()] == ["photo", "video"]
    code, out, _ = await vigil(client, "both", *pair, "--as", "document")
    assert [json.loads(line)["kind"] for line in out.splitlines()] == ["document", "document"]
    sent = [m["message"] for m in (await client.chat(1001))["messages"] if not m["from_bot"]]
    groups = [message["media_group_id"] for message in sent]
    assert (groups[0] == groups[1], groups[2] == groups[3], groups[1] == groups[2]) == (True, True, False)


async def test_in_a_group_it_is_said_who_writes_and_to_which_message(client: Client) -> None:
    """By default the usual person; the answers of the group are shown."""
    lines: list[str] = []
    port = urlsplit(client.address).port or 0
    shown = partial(say, port, chat=GROUP, wait=10, as_json=True, out=lines.append)
    assert await shown(Words("/start", "")) == 0
    answer = json.loads(lines[0])
    assert await shown(Words("and mine?", "", user=1002, reply=answer["message_id"])) == 0
    first, _, second, _ = (m["message"] for m in (await client.chat(GROUP))["messages"])
    assert (first["chat"]["type"], first["from"]["id"], second["from"]["id"]) == ("supergroup", 1001, 1002)
    assert second["reply_to_message"]["message_id"] == answer["message_id"]
    assert second["reply_to_message"]["from"]["is_bot"]
    code, _, err = await vigil(client, "--chat", str(GROUP), "hello", "--reply", "4711")
    assert (code, err) == (1, f"vigil: Chat {GROUP} has no message 4711.\n")


@pytest.mark.parametrize(
    ("words", "chat"),
    [
        (Words("x", "", files=(Path("no such file.png"),)), 1001),
        (Words("", "press", files=(Path(__file__),)), 1001),
        (Words("x", "", kind="photo"), 1001),
        (Words("x", ""), 0),
        (Words("x", "", user=1002), 1001),
    ],
)
async def test_what_nobody_can_do_is_a_usage_error(words: Words, chat: int) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError):
        await say(1, words, chat=chat, wait=1, as_json=True)
