"""Users' files from Telegram to our disk, so that the provider is given a copy of its own and never Telegram's address.

Telegram's address of a file holds the bot's token. It is made here, asked here, and neither told nor kept anywhere.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import anyio
import anyio.to_thread
import httpx
from telegram import Bot
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.catalogue import File
from bot.catalogue.fields import FETCHABLE_BYTES
from bot.generation import disk
from bot.generation.disk import TooLarge
from bot.generation.kinds import HEAD_BYTES, kind_of
from bot.packed import UNPACKED, is_packed
from bot.probe import Measures, measure

WHOLE_SECONDS: Final = 120.0
TIMEOUT: Final = httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=5.0)
ASK_SECONDS: Final = 15.0
MEDIA_SHARED: Final = frozenset({"mp4", "m4a", "webm", "ogg"})
"""Containers of sound and of video alike: how they begin does not tell which."""

Why = Literal["file_gone", "file_too_large", "file_wrong_type"]


class FileRefused(Exception):
    """The file can never be taken; the user may send another one."""

    def __init__(self, why: Why) -> None:
        super().__init__(f"fetching a user's file: {why}")
        self.why: Why = why


class FileUnavailable(Exception):
    """The file could not be fetched this time."""


@dataclass(frozen=True, slots=True)
class Local:
    """A user's file on our disk, by a name of ours: nothing of its path at Telegram is in it."""

    path: Path
    name: str
    mime: str
    size: int


class UserFiles:
    """The folder of users' files on their way; each is removed as soon as it is used."""

    def __init__(self, folder: Path, bot: Bot, api_url: str) -> None:
        self._folder = folder
        self._bot = bot
        self._api = httpx.URL(api_url)
        self._http: httpx.AsyncClient | None = None
        # Each is read whole, and keeps the interpreter busy: one at a time.
        self._measuring = anyio.CapacityLimiter(1)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Be able to fetch while the block runs; what an earlier run left is removed."""
        await disk.sweep(self._folder)
        # As for all else, a proxy of the environment is only for what is outside.
        is_outside = self._api.scheme == "https"
        async with httpx.AsyncClient(timeout=TIMEOUT, headers=UNPACKED, trust_env=is_outside) as http:
            self._http = http
            try:
                yield
            finally:
                self._http = None

    @asynccontextmanager
    async def fetched(self, generation_id: int, file: File, most: int) -> AsyncIterator[Local]:
        """Have the file here while the block runs; raise FileRefused or FileUnavailable."""
        path = self._folder / f"{generation_id}.file"
        try:
            yield await self._fetch(path, file, min(most, FETCHABLE_BYTES))
        finally:
            with anyio.move_on_after(disk.CLEAN_UP_SECONDS, shield=True):
                await anyio.Path(path).unlink(missing_ok=True)

    async def measured(self, local: Local) -> Measures:
        """Return how long a file lasts and how large its picture is, whatever Telegram was told of it."""

        def measures() -> Measures:
            return measure(local.path.read_bytes())

        # A stop need not wait for the thread: it only reads, and comes to its end.
        return await anyio.to_thread.run_sync(measures, limiter=self._measuring, abandon_on_cancel=True)

    async def _fetch(self, path: Path, file: File, most: int) -> Local:
        if file.size is not None and file.size > most:
            raise FileRefused("file_too_large")
        address = await self._address(file.file_id)
        try:
            with anyio.fail_after(WHOLE_SECONDS):
                size = await self._download(address, path, most)
        except TooLarge:
            raise FileRefused("file_too_large") from None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            # Without the cause: what it tells of may be the address.
            raise FileUnavailable(f"fetching a user's file: {type(error).__name__}") from None
        kind = kind_of(await disk.head(path, HEAD_BYTES))
        if kind is not None and kind.medium != file.media and kind.suffix not in MEDIA_SHARED:
            raise FileRefused("file_wrong_type")
        suffix, mime = (kind.suffix, kind.mime) if kind else ("bin", file.mime or "application/octet-stream")
        # The copy lies at a public address: nobody may guess it, and no other file may have it.
        return Local(path, f"{secrets.token_hex(16)}.{suffix}", mime, size)

    async def _address(self, file_id: str) -> httpx.URL:
        try:
            found = await self._bot.get_file(file_id, read_timeout=ASK_SECONDS)
            address = httpx.URL(found.file_path or "")
        except (BadRequest, Forbidden) as error:
            raise FileRefused("file_too_large" if "too big" in error.message.lower() else "file_gone") from None
        except (TelegramError, httpx.InvalidURL) as error:
            raise FileUnavailable(f"asking for a user's file: {type(error).__name__}") from None
        if (address.scheme, address.host, address.port) != (self._api.scheme, self._api.host, self._api.port):
            raise FileUnavailable("asking for a user's file: Telegram names another host")
        return address

    async def _download(self, address: httpx.URL, path: Path, most: int) -> int:
        if self._http is None:
            raise FileUnavailable("fetching a user's file: not connected yet")
        async with self._http.stream("GET", address, follow_redirects=False) as response:
            if response.status_code != httpx.codes.OK:
                raise FileUnavailable(f"fetching a user's file: HTTP {response.status_code}")
            if is_packed(response):
                raise FileUnavailable("fetching a user's file: it came packed")
            size = await disk.save(response.aiter_bytes(disk.CHUNK_BYTES), path, most, lambda _chunk: None)
        if not size:
            raise FileUnavailable("fetching a user's file: it is empty")
        return size
