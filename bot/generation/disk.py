"""Streams to disk: whole under their name or not there at all, never more than agreed.

chunks ─▶ a hidden part, counted ─▶ fsync ─▶ renamed ─▶ fsync the folder
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

CHUNK_BYTES: Final = 1 << 16
CLEAN_UP_SECONDS: Final = 1.0


class TooLarge(Exception):
    """There is more than agreed; nothing of it is kept."""


async def save(chunks: AsyncIterator[bytes], path: Path, most: int, begins: Callable[[bytes], None]) -> int:
    """Keep the stream under `path` and return its length; `begins` sees the first chunk and may raise.

    Raises TooLarge after `most` bytes. An empty stream makes an empty file.
    """
    part, taken = path.with_name(f".{path.name}.part"), 0
    try:
        async with await anyio.open_file(part, "wb") as file:
            async for chunk in chunks:
                if taken == 0:
                    begins(chunk)
                taken += len(chunk)
                if taken > most:
                    raise TooLarge
                await file.write(chunk)
            await file.flush()
            await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
        await anyio.to_thread.run_sync(_publish, part, path)
    finally:
        with anyio.move_on_after(CLEAN_UP_SECONDS, shield=True):
            await anyio.Path(part).unlink(missing_ok=True)
    return taken


async def head(path: Path, length: int) -> bytes:
    """Return how a file begins."""
    async with await anyio.open_file(path, "rb") as file:
        return await file.read(length)


async def chunks(path: Path) -> AsyncIterator[bytes]:
    """Read a file piece by piece."""
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(CHUNK_BYTES):
            yield chunk


async def sweep(folder: Path, keep: Collection[str] = ()) -> None:
    """Make the folder, and remove what is not to be kept: a file is called by its generation, and a dot."""
    await anyio.to_thread.run_sync(_sweep, folder, keep)


async def held(folder: Path) -> set[int]:
    """Return the generations whose files are here; a part on its way is none yet."""
    return await anyio.to_thread.run_sync(_held, folder)


async def remove(folder: Path, generation_id: int) -> None:
    """Remove a generation's files."""
    await anyio.to_thread.run_sync(_remove, folder, generation_id)


def _publish(part: Path, path: Path) -> None:
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sweep(folder: Path, keep: Collection[str]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.name.partition(".")[0] not in keep:
            file.unlink(missing_ok=True)


def _held(folder: Path) -> set[int]:
    begins = (file.name.partition(".")[0] for file in folder.iterdir())
    return {int(each) for each in begins if each.isascii() and each.isdigit()}


def _remove(folder: Path, generation_id: int) -> None:
    for file in folder.glob(f"{generation_id}.*"):
        file.unlink(missing_ok=True)
