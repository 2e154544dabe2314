"""Every medium that a bot sends, by upload, by URL and by file_id, with Telegram's limits and in its words."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot, InputMediaAudio, InputMediaDocument, InputMediaPhoto, InputMediaVideo, Message
from telegram.error import BadRequest, NetworkError

from bot.sandbox.client import Client
from bot.sandbox.clip import clip
from bot.sandbox.melody import melody
from bot.sandbox.testing import api, hosting

CHAT = 1001
MB = 1024 * 1024


def png(width: int = 640, height: int = 400, colour: str = "teal") -> bytes:
    """Return a picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()


def gif() -> bytes:
    """Return a picture that moves."""
    buffer = io.BytesIO()
    Image.new("P", (40, 30)).save(buffer, "GIF")
    return buffer.getvalue()


SAMPLES: dict[str, tuple[str, bytes]] = {
    "photo": ("fox.png", png()),
    "video": ("fox.mp4", clip("a fox")),
    "animation": ("fox.gif", gif()),
    "audio": ("song.mp3", melody("a song")),
    "voice": ("words.ogg", b"OggS" + bytes(40)),
    "document": ("notes.pdf", b"%PDF-1.7"),
}


@pytest.fixture(autouse=True)
async def spoken(sandbox: Client) -> None:
    """The person has written, so that the bot may."""
    await sandbox.write("hi", CHAT)


def sender(bot: Bot, kind: str) -> Callable[..., Awaitable[Message]]:
    """Return the method that sends this kind."""
    return getattr(bot, f"send_{kind}")  # type: ignore[no-any-return]  # one of the six


def medium(message: Message, kind: str) -> Any:
    """Return the file of a message, the largest of a photo."""
    found = getattr(message, kind)
    return found[-1] if kind == "photo" else found


@pytest.mark.parametrize("kind", SAMPLES)
async def test_each_medium_is_sent_once_and_again_by_its_id_and_fetched_byte_for_byte(
    bot: Bot, sandbox: Client, kind: str
) -> None:
    """The caption has its markup, the file its name, and the same unique id wherever it goes."""
    name, content = SAMPLES[kind]
    sent = await sender(bot, kind)(CHAT, content, caption="<b>a fox</b>", parse_mode="HTML", filename=name)
    assert (sent.caption, sent.caption_entities[0].type) == ("a fox", "bold")
    file = medium(sent, kind)
    assert file.file_size == len(content)
    assert await (await bot.get_file(file.file_id)).download_as_bytearray() == content
    again = medium(await sender(bot, kind)(CHAT, file.file_id), kind)
    assert again.file_unique_id == file.file_unique_id
    assert again.file_unique_id not in again.file_id
    seen = (await sandbox.chat(CHAT))["messages"][-1]
    assert seen["kind"] == {"animation": "video", "voice": "audio"}.get(kind, kind)
    assert (await sandbox.http.get(sandbox.address + seen["file_url"])).content == content
    assert await anyio.Path(seen["file"]).read_bytes() == content


async def test_what_a_file_says_of_itself_is_told_unless_the_bot_says_otherwise(bot: Bot) -> None:
    """Length and sides of a clip, length and tags of a song."""
    seen = (await bot.send_video(CHAT, clip("a fox"))).video
    assert seen is not None
    assert (seen.width > 0, seen.height > 0, seen.mime_type) == (True, True, "video/mp4")
    told = (await bot.send_video(CHAT, clip("a fox"), duration=7, width=64, height=36)).video
    assert told is not None
    assert (told.width, told.height) == (64, 36)
    song = (await bot.send_audio(CHAT, melody("x"), title="Song", performer="Fox", filename="a.mp3")).audio
    assert song is not None
    assert (song.title, song.performer, song.file_name, song.mime_type) == ("Song", "Fox", "a.mp3", "audio/mpeg")


async def test_a_photo_comes_in_sizes_whose_ids_are_files_of_their_own(bot: Bot) -> None:
    """From the smallest to the one that was sent."""
    sent = (await bot.send_photo(CHAT, png(1200, 900))).photo
    assert [(size.width, size.height) for size in sent] == [(90, 68), (320, 240), (800, 600), (1200, 900)]
    assert len({size.file_unique_id for size in sent}) == 4
    small = await (await bot.get_file(sent[0].file_id)).download_as_bytearray()
    assert Image.open(io.BytesIO(small)).size == (90, 68)
    assert [size.width for size in (await bot.send_photo(CHAT, sent[1].file_id)).photo] == [320]


@pytest.mark.parametrize(
    ("kind", "name"), [("video", "film.webm"), ("animation", "a.txt"), ("voice", "words.wav"), ("audio", "list.txt")]
)
async def test_what_cannot_be_played_as_what_it_was_sent_as_is_a_document(bot: Bot, kind: str, name: str) -> None:
    """Whoever reads the answer has to look."""
    sent = await sender(bot, kind)(CHAT, b"no such thing", filename=name)
    assert medium(sent, kind) is None
    assert sent.document is not None
    assert sent.document.file_name == name


async def test_an_id_is_of_its_kind_and_of_its_bot(bot: Bot, sandbox: Client) -> None:
    """A photo is no document; among documents a file stays what it was; another bot knows nothing of it."""
    photo = (await bot.send_photo(CHAT, png())).photo[-1]
    video = (await bot.send_video(CHAT, clip("x"))).video
    assert video is not None
    with pytest.raises(BadRequest, match=r"(?i)can't use file of type Photo as Document"):
        await bot.send_document(CHAT, photo.file_id)
    with pytest.raises(BadRequest, match=r"(?i)can't use file of type Video as Photo"):
        await bot.send_photo(CHAT, video.file_id)
    assert (await bot.send_document(CHAT, video.file_id)).video is not None
    for wrong in (photo.file_unique_id, "AgACunknown"):
        with pytest.raises(BadRequest, match=r"(?i)wrong file identifier"):
            await bot.send_photo(CHAT, wrong)
    with pytest.raises(BadRequest, match=r"(?i)file is temporarily unavailable"):
        await bot.get_file("AgACunknown")
    other = await api(sandbox, "getFile", token="7000000002:other", file_id=photo.file_id)
    assert other.json()["description"] == "Bad Request: wrong file_id or the file is temporarily unavailable"


async def test_a_path_is_found_with_the_token_of_its_bot_only(bot: Bot, sandbox: Client) -> None:
    """Nothing else lies there, above it or beside it."""
    file = await bot.get_file((await bot.send_document(CHAT, b"secret", filename="a.txt")).document)  # type: ignore[arg-type]  # it is there
    path = str(file.file_path).partition("/file/bot7000000001:contract/")[2]
    assert path.startswith("documents/")
    for token, place in (
        ("7000000002:other", path),
        ("7000000001:contract", path.replace("documents", "photos")),
        ("7000000001:contract", "documents/..%2F..%2Fstate.sqlite3"),
    ):
        answer = await sandbox.http.get(f"{sandbox.address}/file/bot{token}/{place}")
        assert (answer.status_code, answer.json()["description"]) == (404, "Not Found")
    part = await sandbox.http.get(
        f"{sandbox.address}/file/bot7000000001:contract/{path}", headers={"Range": "bytes=2-"}
    )
    assert (part.status_code, part.content) == (206, b"cret")


async def test_files_larger_than_telegrams_limits_are_refused(bot: Bot, sandbox: Client) -> None:
    """A photo of more than 10 MB, an upload of more than 50, a download of more than 20."""
    with pytest.raises(BadRequest, match=r"(?i)too big for a photo; the maximum size is 10485760 bytes"):
        await bot.send_photo(CHAT, png() + bytes(10 * MB))
    with pytest.raises(NetworkError, match=r"(?i)Request Entity Too Large"):
        await bot.send_document(CHAT, bytes(51 * MB), write_timeout=30)
    (large,) = await sandbox.attach([("film.mp4", bytes(20 * MB + 1))], CHAT)
    with pytest.raises(BadRequest, match=r"(?i)file is too big"):
        await bot.get_file(large["message"]["video"]["file_id"])
    with pytest.raises(BadRequest, match=r"(?i)file must be non-empty"):
        await bot.send_video(CHAT, b"")
    with pytest.raises(BadRequest, match=r"(?i)caption is too long"):
        await bot.send_photo(CHAT, png(), caption="x" * 1025)


async def test_by_url_the_type_counts_and_the_limits_are_lower(bot: Bot, sandbox: Client) -> None:
    """5 MB of a photo, 20 of anything else; of documents only PDF, ZIP and GIF; a long voice is a file."""
    pages = {
        "fox.png": ("image/png", png()),
        "film.mp4": ("video/mp4", clip("x")),
        "song.mp3": ("audio/mpeg", melody("x")),
        "words.ogg": ("audio/ogg", b"OggS" + bytes(MB)),
        "notes.txt": ("text/plain", b"words"),
        "large.png": ("image/png", png() + bytes(5 * MB)),
        "large.mp4": ("video/mp4", bytes(20 * MB + 1)),
    }

    def page(name: str) -> Route:
        kind, content = pages[name]
        return Route(f"/{name}", lambda _: Response(content, media_type=kind))

    async with hosting(Starlette(routes=[page(name) for name in pages])) as site:
        assert (await bot.send_photo(CHAT, f"{site}/fox.png")).photo[-1].width == 640
        assert (await bot.send_video(CHAT, f"{site}/film.mp4")).video is not None
        assert (await bot.send_audio(CHAT, f"{site}/song.mp3")).audio is not None
        assert (await bot.send_voice(CHAT, f"{site}/words.ogg")).document is not None
        for kind, name in (("document", "notes.txt"), ("photo", "film.mp4"), ("video", "fox.png")):
            with pytest.raises(BadRequest, match=r"(?i)wrong type of the web page content"):
                await sender(bot, kind)(CHAT, f"{site}/{name}")
        for kind, name in (("photo", "large.png"), ("video", "large.mp4"), ("photo", "nothing.png")):
            with pytest.raises(BadRequest, match=r"(?i)failed to get http url content"):
                await sender(bot, kind)(CHAT, f"{site}/{name}")


async def test_an_album_is_one_group_of_messages(bot: Bot, sandbox: Client) -> None:
    """Photos with videos, songs with songs; each has its caption; a single one is no album."""
    sent = await bot.send_media_group(
        CHAT, [InputMediaPhoto(png(), caption="<i>one</i>", parse_mode="HTML"), InputMediaVideo(clip("x"))]
    )
    assert sent[0].media_group_id
    assert sent[0].media_group_id == sent[1].media_group_id
    assert (sent[0].caption, sent[0].caption_entities[0].type, sent[1].caption) == ("one", "italic", None)
    assert (sent[1].video is not None, sent[1].message_id - sent[0].message_id) == (True, 1)
    again = await bot.send_media_group(CHAT, [InputMediaPhoto(sent[0].photo[-1].file_id)] * 10)
    assert len({message.media_group_id for message in again}) == 1
    (alone,) = await bot.send_media_group(CHAT, [InputMediaPhoto(png())])
    assert alone.media_group_id is None
    assert [m["kind"] for m in (await sandbox.chat(CHAT))["messages"]][1:3] == ["photo", "video"]


@pytest.mark.parametrize(
    ("media", "error"),
    [
        ([InputMediaPhoto(png())] * 11, "too many messages to send as an album"),
        ([InputMediaPhoto(png()), InputMediaDocument(b"x")], "document can't be mixed with other media types"),
        ([InputMediaAudio(melody("x")), InputMediaVideo(clip("x"))], "audio can't be mixed with other media types"),
        ([InputMediaPhoto(png(), show_caption_above_media=True), InputMediaPhoto(png())], "must be the same for all"),
        (
            [InputMediaPhoto(png()), InputMediaPhoto(b"nothing")],
            'send message #2 with the error message "IMAGE_PROCESS_FAILED"',
        ),
        (
            [InputMediaPhoto("http://127.0.0.1:9/a.png"), InputMediaPhoto(png())],
            '#1 with the error message "WEBPAGE_CURL_',
        ),
        ([InputMediaPhoto(png()), InputMediaPhoto("AgACunknown")], "wrong file identifier"),
    ],
)
async def test_what_is_no_album_is_refused_and_nothing_of_it_sent(
    bot: Bot, sandbox: Client, media: list[Any], error: str
) -> None:
    """Too few, too many, of kinds that do not go together, or one that is broken."""
    with pytest.raises(BadRequest) as caught:
        await bot.send_media_group(CHAT, media)
    assert error.lower() in caught.value.message.lower()
    assert len((await sandbox.chat(CHAT))["messages"]) == 1


async def test_an_empty_album_is_refused(sandbox: Client) -> None:
    """And one that is missing."""
    empty = await api(sandbox, "sendMediaGroup", chat_id=CHAT, media=[])
    assert empty.json()["description"] == "Bad Request: there are no messages to send"
    missing = await api(sandbox, "sendMediaGroup", chat_id=CHAT)
    assert missing.json()["description"] == 'Bad Request: parameter "media" is required'


async def test_the_file_of_a_message_can_be_replaced(bot: Bot) -> None:
    """A photo becomes a video, a text becomes a photo; in an album only what goes there; a voice never."""
    sent = await bot.send_photo(CHAT, png(), caption="old")
    edited = await bot.edit_message_media(InputMediaVideo(clip("x"), caption="new"), CHAT, sent.message_id)
    assert isinstance(edited, Message)
    assert (edited.photo, edited.video is not None, edited.caption) == ((), True, "new")
    text = await bot.send_message(CHAT, "words")
    shown = await bot.edit_message_media(InputMediaPhoto(png()), CHAT, text.message_id)
    assert isinstance(shown, Message)
    assert (shown.text, len(shown.photo)) == (None, 3)
    first, _ = await bot.send_media_group(CHAT, [InputMediaPhoto(png()), InputMediaPhoto(png())])
    with pytest.raises(BadRequest, match=r"(?i)can't change media type in the album"):
        await bot.edit_message_media(InputMediaAudio(melody("x")), CHAT, first.message_id)
    voice = await bot.send_voice(CHAT, b"OggS", filename="a.ogg")
    with pytest.raises(BadRequest, match=r"(?i)message media can't be edited"):
        await bot.edit_message_media(InputMediaPhoto(png()), CHAT, voice.message_id)


async def test_a_reaction_is_one_of_telegrams_and_can_be_taken_away(bot: Bot, sandbox: Client) -> None:
    """The person sees it at their message."""
    assert await bot.set_message_reaction(CHAT, 1, "👀")
    assert (await sandbox.chat(CHAT))["messages"][-1]["reaction"] == "👀"
    assert await bot.set_message_reaction(CHAT, 1)
    assert (await sandbox.chat(CHAT))["messages"][-1]["reaction"] == ""
    with pytest.raises(BadRequest, match=r"(?i)reaction_invalid"):
        await bot.set_message_reaction(CHAT, 1, "🧱")
    with pytest.raises(BadRequest, match=r"(?i)message to react not found"):
        await bot.set_message_reaction(CHAT, 4711, "👀")


async def test_media_faults_play_what_a_bot_must_get_around(bot: Bot, sandbox: Client) -> None:
    """A photo that only a document can carry, limits that need no large file, ids that are forgotten."""
    sent = (await bot.send_document(CHAT, b"words", filename="a.txt")).document
    assert sent is not None
    await sandbox.set_faults(telegram_refuse_media="photo,video*2")
    with pytest.raises(BadRequest, match=r"(?i)photo_invalid_dimensions"):
        await bot.send_photo(CHAT, png())
    assert (await bot.send_document(CHAT, png(), filename="a.png")).document is not None
    with pytest.raises(BadRequest, match=r"(?i)video_content_type_invalid"):
        await bot.send_video(CHAT, clip("x"))
    assert (await bot.send_video(CHAT, clip("x"))).video is not None
    await sandbox.set_faults(telegram_upload_limit=100, telegram_download_limit=4)
    with pytest.raises(NetworkError, match=r"(?i)Request Entity Too Large"):
        await bot.send_document(CHAT, bytes(101))
    with pytest.raises(BadRequest, match=r"(?i)file is too big"):
        await bot.get_file(sent.file_id)
    await sandbox.set_faults(telegram_download_limit="off", telegram_file_lost="on*1")
    with pytest.raises(BadRequest, match=r"(?i)temporarily unavailable"):
        await bot.get_file(sent.file_id)
    await sandbox.set_faults(telegram_file_lost="on*1")
    with pytest.raises(BadRequest, match=r"(?i)wrong file identifier"):
        await bot.send_document(CHAT, sent.file_id)
    file = await bot.get_file(sent.file_id)
    await sandbox.set_faults(telegram_download_http="502*1")
    with pytest.raises(NetworkError):
        await file.download_as_bytearray()
    assert await file.download_as_bytearray() == b"words"


async def test_files_outlive_the_sandbox(bot: Bot, sandbox: Client, home: Path) -> None:
    """They lie beside its state, and their records in it."""
    sent = (await bot.send_document(CHAT, b"words", filename="a.txt")).document
    assert sent is not None
    (kept,) = (home / "sandbox" / "files").iterdir()
    assert kept.read_bytes() == b"words"
    assert kept.suffix == ".txt"
