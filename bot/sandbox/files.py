"""Files of the chats: checked, measured and kept under the sandbox's folder.

A `file_id` is its bot's own and can be sent again; a `file_unique_id` names the file for everybody and fetches nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Final

import anyio
import httpx

from bot.probe import measure
from bot.sandbox import medium, photos
from bot.sandbox.book import Book
from bot.sandbox.errors import bad_request
from bot.sandbox.loopback import is_loopback_url
from bot.sandbox.medium import ANIMATION, AUDIO, DOCUMENT, PHOTO, VIDEO, VOICE
from bot.sandbox.parameters import Upload
from bot.sandbox.records import StoredFile

MB: Final = 1024 * 1024
MAX_UPLOAD_BYTES: Final = 50 * MB
MAX_DOWNLOAD_BYTES: Final = 20 * MB
MAX_URL_PHOTO_BYTES: Final = 5 * MB
MAX_URL_FILE_BYTES: Final = 20 * MB
MAX_URL_VOICE_BYTES: Final = MB
"""A longer one is sent as a document."""
URL_TYPES: Final = {
    PHOTO: ("image/",),
    VIDEO: ("video/mp4",),
    AUDIO: ("audio/mpeg", "audio/mp4"),
    VOICE: ("audio/ogg",),
    ANIMATION: ("image/gif", "video/mp4"),
    DOCUMENT: ("image/gif", "application/pdf", "application/zip"),
}
"""What may lie at a URL that is sent as each kind."""
UNKNOWN_ID: Final = "wrong file identifier/HTTP URL specified"
NO_CONTENT: Final = "failed to get HTTP URL content"
WRONG_CONTENT: Final = "wrong type of the web page content"


@dataclass(frozen=True, slots=True)
class Traits:
    """What the sender says of a recording; 0 and "" leave it to the file."""

    seconds: int = 0
    width: int = 0
    height: int = 0
    track: str = ""
    performer: str = ""


class Files:
    """The files of all bots, on disk by a random name."""

    def __init__(self, folder: Path, book: Book, client: httpx.AsyncClient) -> None:
        self._folder = folder
        self._book = book
        self._client = client
        self._limiter = anyio.CapacityLimiter(2)

    def path(self, file: StoredFile) -> Path:
        """Return where the file lies."""
        return self._folder / file.name

    def find(self, bot_id: int, file_id: str) -> StoredFile | None:
        """Return the file of a file_id; ids of another bot are unknown, as with Telegram."""
        file = self._book.get(StoredFile, file_id)
        return file if file and file.bot_id == bot_id else None

    def named(self, bot_id: int, file_path: str) -> StoredFile | None:
        """Return the file that getFile gave this path."""
        own = (file for file in self._book.table(StoredFile).values() if file.bot_id == bot_id)
        return next((file for file in own if place(file) == file_path), None)

    async def again(self, bot_id: int, kind: str, file_id: str) -> list[StoredFile]:
        """Return what was sent before, every size of a photo, the smallest first.

        Photos are one class of files and all others another, in which a file stays what it was when it came.
        """
        file = self.find(bot_id, file_id)
        if file is None:
            raise bad_request(UNKNOWN_ID)
        if (file.kind == PHOTO) != (kind == PHOTO):
            raise bad_request(f"can't use file of type {medium.TYPES[file.kind]} as {medium.TYPES[kind]}")
        known = [self._book.get(StoredFile, smaller) for smaller in file.smaller]
        return [*(size for size in known if size), file]

    async def keep(
        self, bot_id: int, kind: str, given: Upload, traits: Traits = Traits(), *, remade: bool = False
    ) -> list[StoredFile]:
        """Keep a file as this kind, or as a document if it cannot be one; return it, a photo in its sizes.

        `remade`: a person's app makes a JPEG of every photo.
        """
        if not given.content:
            raise bad_request("file must be non-empty")
        if kind == PHOTO:
            return await self._keep_photo(bot_id, given.content, remade=remade)
        title = PurePath(given.filename).name[-255:] or "file"
        mime = medium.mime_of(title, given.mime)
        found = await anyio.to_thread.run_sync(measure, given.content, limiter=self._limiter)
        suffix = PurePath(title).suffix[:16] if PurePath(title).suffix[1:].isalnum() else ""
        file = replace(
            self._new(bot_id, suffix, mime, len(given.content)),
            kind=medium.settled(kind, mime),
            title=title,
            seconds=traits.seconds or round(found.seconds),
            width=traits.width or found.width,
            height=traits.height or found.height,
            track=traits.track,
            performer=traits.performer,
        )
        await self._write((file, given.content))
        return [file]

    async def fetch(self, kind: str, url: str) -> tuple[str, Upload]:
        """Fetch what a bot wants sent from this machine; return the kind it can be sent as, and the file."""
        if not is_loopback_url(url):
            raise bad_request(f"{NO_CONTENT}: the sandbox fetches from this machine only")
        content, limit = bytearray(), MAX_URL_PHOTO_BYTES if kind == PHOTO else MAX_URL_FILE_BYTES
        try:
            async with self._client.stream("GET", url) as response:
                if not response.is_success:
                    raise bad_request(NO_CONTENT)
                mime = response.headers.get("content-type", "").partition(";")[0].strip()
                if not mime.startswith(URL_TYPES[kind]):
                    raise bad_request(WRONG_CONTENT)
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > limit:
                        raise bad_request(NO_CONTENT)
        except httpx.HTTPError as error:
            raise bad_request(NO_CONTENT) from error
        is_long = kind == VOICE and len(content) > MAX_URL_VOICE_BYTES
        return DOCUMENT if is_long else kind, Upload(PurePath(httpx.URL(url).path).name, mime, bytes(content))

    async def _keep_photo(self, bot_id: int, content: bytes, *, remade: bool) -> list[StoredFile]:
        if not remade and len(content) > photos.MAX_BYTES:
            limit = f"the maximum size is {photos.MAX_BYTES} bytes"
            raise bad_request(f"file of size {len(content)} bytes is too big for a photo; {limit}")
        made = await anyio.to_thread.run_sync(lambda: photos.sizes(content, remade=remade), limiter=self._limiter)
        files = [
            replace(
                self._new(bot_id, size.suffix, size.mime, len(size.content)),
                kind=PHOTO,
                width=size.width,
                height=size.height,
            )
            for size in made
        ]
        files[-1] = replace(files[-1], smaller=[file.id for file in files[:-1]])
        await self._write(*zip(files, (size.content for size in made), strict=True))
        return files

    def _new(self, bot_id: int, suffix: str, mime: str, size: int) -> StoredFile:
        unique = secrets.token_urlsafe(12)
        name, file_id = f"{unique}{suffix}", f"AgAC{secrets.token_urlsafe(32)}"
        return StoredFile(id=file_id, unique_id=unique, bot_id=bot_id, name=name, size=size, mime=mime)

    async def _write(self, *contents: tuple[StoredFile, bytes]) -> None:
        for file, content in contents:
            await anyio.to_thread.run_sync(self.path(file).write_bytes, content, limiter=self._limiter)
        async with self._book.writing():
            for file, _ in contents:
                self._book.put(file)


def place(file: StoredFile) -> str:
    """Return the `file_path` that getFile tells."""
    return f"{medium.FOLDERS[file.kind]}/{file.name}"
