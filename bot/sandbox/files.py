"""Files that bots send: checked, measured and kept under the sandbox's folder."""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Final

import anyio
import httpx

from bot.sandbox.book import Book
from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.loopback import is_loopback_url
from bot.sandbox.parameters import Upload
from bot.sandbox.records import StoredFile

MAX_PHOTO_BYTES: Final = 10 * 1024 * 1024
MAX_FILE_BYTES: Final = 50 * 1024 * 1024
MAX_URL_PHOTO_BYTES: Final = 5 * 1024 * 1024
MAX_URL_FILE_BYTES: Final = 20 * 1024 * 1024
MAX_SIDES: Final = 10_000
"""Telegram takes photos whose width and height add up to at most this."""
MAX_RATIO: Final = 20
THUMBNAIL_SIDE: Final = 320


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded photo: its format, its size, and a small copy as JPEG."""

    suffix: str
    mime: str
    width: int
    height: int
    small: bytes
    small_size: tuple[int, int]


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

    async def photo(self, bot_id: int, given: Upload | str) -> list[StoredFile]:
        """Keep a photo and return its sizes, the smallest first; for a file_id return the sizes known."""
        if isinstance(given, str):
            known = self._known(bot_id, given)
            if known:
                small = self._book.get(StoredFile, known.thumbnail) if known.thumbnail else None
                return [small, known] if small else [known]
            given = await self._download(given, MAX_URL_PHOTO_BYTES)
        self._check_size(given)
        if len(given.content) > MAX_PHOTO_BYTES:
            raise bad_request(f"File of size {len(given.content)} bytes is too big for a photo")
        content = given.content
        picture = await anyio.to_thread.run_sync(decode, content, limiter=self._limiter)
        full = self._new(bot_id, picture.suffix, picture.mime, len(content), (picture.width, picture.height))
        if max(picture.width, picture.height) <= THUMBNAIL_SIDE:
            return [await self._write(full, content)]
        small = self._new(bot_id, ".jpg", "image/jpeg", len(picture.small), picture.small_size)
        await self._write(small, picture.small)
        return [small, await self._write(replace(full, thumbnail=small.id), content)]

    async def document(self, bot_id: int, given: Upload | str) -> StoredFile:
        """Keep any file under its own name."""
        if isinstance(given, str):
            known = self._known(bot_id, given)
            if known:
                return known
            given = await self._download(given, MAX_URL_FILE_BYTES)
        self._check_size(given)
        title = PurePath(given.filename).name[:255] or "file"
        suffix = PurePath(title).suffix[:16] if PurePath(title).suffix[1:].isalnum() else ""
        file = self._new(bot_id, suffix, given.mime, len(given.content), (0, 0))
        return await self._write(replace(file, title=title), given.content)

    def _known(self, bot_id: int, text: str) -> StoredFile | None:
        """Return the file of a file_id, None for a URL; ids of another bot are unknown, as with Telegram."""
        if text.startswith(("http://", "https://")):
            return None
        file = self._book.get(StoredFile, text)
        if file is None or file.bot_id != bot_id:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return file

    async def _download(self, url: str, limit: int) -> Upload:
        if not is_loopback_url(url):
            raise bad_request("failed to get HTTP URL content: the sandbox fetches from this machine only")
        content = bytearray()
        try:
            async with self._client.stream("GET", url) as response:
                if not response.is_success:
                    raise bad_request("failed to get HTTP URL content")
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > limit:
                        raise bad_request("failed to get HTTP URL content")
                mime = response.headers.get("content-type", "application/octet-stream").partition(";")[0]
        except httpx.HTTPError as error:
            raise bad_request("failed to get HTTP URL content") from error
        return Upload(PurePath(httpx.URL(url).path).name, mime, bytes(content))

    def _check_size(self, given: Upload) -> None:
        if not given.content:
            raise bad_request("file must be non-empty")
        if len(given.content) > MAX_FILE_BYTES:
            raise ApiError(413, "Request Entity Too Large")

    def _new(self, bot_id: int, suffix: str, mime: str, size: int, sides: tuple[int, int]) -> StoredFile:
        unique = secrets.token_urlsafe(12)
        return StoredFile(
            id=f"AgAC{secrets.token_urlsafe(32)}",
            unique_id=unique,
            bot_id=bot_id,
            name=f"{unique}{suffix}",
            size=size,
            mime=mime,
            width=sides[0],
            height=sides[1],
        )

    async def _write(self, file: StoredFile, content: bytes) -> StoredFile:
        await anyio.to_thread.run_sync(self.path(file).write_bytes, content, limiter=self._limiter)
        async with self._book.writing():
            self._book.put(file)
        return file


def decode(content: bytes) -> Picture:
    """Really decode a photo; raise the 400 that Telegram answers for what is none. Blocking: call it in a thread."""
    from PIL import Image, UnidentifiedImageError  # 8 MB that a sandbox without pictures does without

    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            if width + height > MAX_SIDES or max(width, height) > MAX_RATIO * min(width, height):
                raise bad_request("PHOTO_INVALID_DIMENSIONS")
            image.load()
            kind = image.format or "JPEG"
            small = image.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise bad_request("IMAGE_PROCESS_FAILED") from error
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    suffix = {"JPEG": ".jpg"}.get(kind, f".{kind.lower()}")
    return Picture(suffix, Image.MIME.get(kind, "image/jpeg"), width, height, buffer.getvalue(), small.size)


def photo_json(file: StoredFile) -> dict[str, object]:
    """Return a photo as Telegram's PhotoSize."""
    return {
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "width": file.width,
        "height": file.height,
        "file_size": file.size,
    }


def document_json(file: StoredFile) -> dict[str, object]:
    """Return any file as Telegram's Document."""
    return {
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "file_name": file.title or file.name,
        "mime_type": file.mime,
        "file_size": file.size,
    }
