"""What people do besides writing words: files, groups, answers; and who may do it for them."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image
from telegram import Bot

from bot.sandbox import control
from bot.sandbox.client import Client, SandboxError
from bot.sandbox.clip import clip
from bot.sandbox.melody import melody
from bot.sandbox.testing import api

CHAT, GROUP = 1001, -1001234


def picture(width: int = 640, height: int = 400, kind: str = "PNG") -> bytes:
    """Return a picture."""
    buffer = io.BytesIO()
    Image.new("RGBA" if kind == "PNG" else "RGB", (width, height), "teal").save(buffer, kind)
    return buffer.getvalue()


async def test_a_photo_reaches_the_bot_as_their_app_makes_it(bot: Bot, sandbox: Client) -> None:
    """A JPEG in sizes, with the caption; what the bot fetches is that JPEG."""
    await sandbox.attach([("fox.png", picture(3000, 1500))], CHAT, caption="make it /red", language="ru")
    (update,) = await bot.get_updates()
    message = update.message
    assert message is not None
    assert [size.width for size in message.photo] == [90, 320, 800, 2560]
    assert (message.caption, message.caption_entities[0].type) == ("make it /red", "bot_command")
    assert message.from_user is not None
    assert message.from_user.language_code == "ru"
    content = await (await bot.get_file(message.photo[-1])).download_as_bytearray()
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("JPEG", (2560, 1280))
    assert (await bot.send_photo(CHAT, message.photo[-1].file_id)).photo[-1].width == 2560


async def test_each_file_is_what_their_app_would_make_of_it(bot: Bot, sandbox: Client) -> None:
    """By its name; what only looks like a photo goes as a file; a wish comes first."""
    for name, content in (
        ("a.mp4", clip("x")),
        ("b.mp3", melody("x")),
        ("c.gif", picture(kind="GIF")),
        ("d.pdf", b"%PDF"),
        ("e.jpg", b"no picture"),
        ("f.png", picture(2100, 100)),
        ("g", b"anything"),
    ):
        await sandbox.attach([(name, content)], CHAT)
    await sandbox.attach([("h.png", picture())], CHAT, kind="document")
    await sandbox.attach([("i.ogg", b"OggS")], CHAT, kind="voice")
    messages = [update.message for update in await bot.get_updates()]
    kinds = ["video", "audio", "animation", "document", "document", "document", "document", "document", "voice"]
    assert [bool(getattr(m, kind)) for m, kind in zip(messages, kinds, strict=True)] == [True] * 9
    document = messages[7].document if messages[7] else None
    assert document is not None
    assert (document.file_name, document.mime_type, document.file_size) == ("h.png", "image/png", len(picture()))


async def test_files_that_go_together_are_albums(bot: Bot, sandbox: Client) -> None:
    """Each its own update, in order, with the caption at the first one."""
    files = [
        ("a.png", picture()),
        ("b.mp4", clip("x")),
        ("c.pdf", b"%PDF"),
        ("d.txt", b"x"),
        ("e.gif", picture(kind="GIF")),
    ]
    await sandbox.attach(files, CHAT, caption="all of it")
    messages = [update.message for update in await bot.get_updates()]
    groups = [message.media_group_id for message in messages if message]
    assert groups[0] == groups[1] != groups[2] == groups[3]
    assert (groups[4], None in groups[:4]) == (None, False)
    assert [message.caption for message in messages if message] == ["all of it", None, None, None, None]


@pytest.mark.parametrize(
    ("files", "more", "said"),
    [
        ([("a.png", b"no picture")], {"kind": "photo"}, "IMAGE_PROCESS_FAILED"),
        ([("a.txt", b"")], {}, "file must be non-empty"),
        ([("a.txt", b"x")], {"kind": "sticker"}, "not as 'sticker'"),
        ([("a.txt", b"x")], {"caption": "x" * 1025}, "longer than 1024"),
        ([(f"{n}.txt", b"x") for n in range(11)], {}, "Too many files"),
        ([("a.txt", b"x")], {"reply_to": 4711}, "has no message 4711"),
        ([("a.txt", b"x")], {"user": 1002}, "is not user 1002's"),
    ],
)
async def test_files_that_cannot_be_sent_are_refused_with_the_reason(
    sandbox: Client, files: list[tuple[str, bytes]], more: dict[str, str], said: str
) -> None:
    """And the bot hears of none of them."""
    with pytest.raises(SandboxError, match=said):
        await sandbox.attach(files, CHAT, **more)  # type: ignore[arg-type]  # a table of wrong ones
    assert (await api(sandbox, "getUpdates")).json()["result"] == []


async def test_a_foreign_page_can_send_no_file_for_a_person(sandbox: Client) -> None:
    """What a browser posts without asking first lacks the header; when it asks, it gets no leave."""
    url = f"{sandbox.address}/sandbox/chats/{CHAT}/files"
    posted = await sandbox.http.post(url, files={"file": ("a.txt", b"x")}, headers={"Origin": "https://example.org"})
    assert (posted.status_code, "X-Sandbox" in posted.json()["description"]) == (415, True)
    asked = await sandbox.http.options(
        url,
        headers={
            "Origin": "https://example.org",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-sandbox",
        },
    )
    assert asked.status_code == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]


async def test_a_form_that_is_none_is_refused(sandbox: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, no empty message."""
    url = f"{sandbox.address}/sandbox/chats/{CHAT}/files"
    headers = {"X-Sandbox": "1", "Content-Type": "multipart/form-data; boundary=x"}
    assert (await sandbox.http.post(url, content=b"nonsense", headers=headers)).status_code == 400
    assert (await sandbox.http.post(url, json={}, headers={"X-Sandbox": "1"})).status_code == 400
    monkeypatch.setattr(control, "MAX_FILES_BYTES", 7)
    assert (await sandbox.http.post(url, content=b"nonsense", headers=headers)).status_code == 413


async def test_people_write_in_a_group_and_press_there(bot: Bot, sandbox: Client) -> None:
    """Who it is comes with every update; the bot answers in the group."""
    await sandbox.write("/start", GROUP, user=1002)
    sent = await api(
        sandbox,
        "sendMessage",
        chat_id=GROUP,
        text="ready?",
        reply_markup={"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]},
    )
    await sandbox.press("Go", GROUP, user=1001)
    await sandbox.write("here", GROUP, reply_to=sent.json()["result"]["message_id"])
    first, pressed, answered = await bot.get_updates()
    assert first.message is not None
    assert (first.message.chat.type, first.message.from_user.id if first.message.from_user else 0) == (
        "supergroup",
        1002,
    )
    assert pressed.callback_query is not None
    assert pressed.callback_query.from_user.id == 1001
    assert answered.message is not None
    assert answered.message.reply_to_message is not None
    assert answered.message.reply_to_message.from_user == bot.bot
    assert [group["id"] for group in (await sandbox.get("/sandbox/state"))["groups"]] == [GROUP]


async def test_a_file_of_a_chat_is_shown_by_the_page_and_only_documents_are_downloads(sandbox: Client) -> None:
    """Pictures and recordings in place, in parts if the browser likes; nothing that could be a page."""
    files = [("a.mp4", clip("x")), ("b.html", b"<script>alert(1)</script>"), ("c.svg", b"<svg/>")]
    shown = [view for file in files for view in await sandbox.attach([file], CHAT)]
    answers = [await sandbox.http.get(sandbox.address + view["file_url"]) for view in shown]
    assert [a.headers["content-disposition"].partition(";")[0] for a in answers] == [
        "inline",
        "attachment",
        "attachment",
    ]
    assert {a.headers["x-content-type-options"] for a in answers} == {"nosniff"}
    part = await sandbox.http.get(sandbox.address + shown[0]["file_url"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, clip("x")[:4])
    assert isinstance(part, httpx.Response)
