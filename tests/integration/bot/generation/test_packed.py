"""Files from other hosts that come packed: a few bytes of them could be gigabytes here."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from bot.catalogue import File
from bot.generation.results import ResultRefused, Results
from bot.generation.userfiles import FileUnavailable, UserFiles

BASE = "http://127.0.0.1:8081"
PICTURE = b"\x89PNG\r\n\x1a\n" + b"x" * 5000
PACKED = gzip.compress(gzip.compress(PICTURE))


class Wire(httpx.AsyncByteStream):
    """Bytes as they come, and whether anybody took them."""

    is_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_read = True
        yield PACKED


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip", "deflate", "br", "identity, gzip"])
async def test_a_packed_result_is_refused_unread(tmp_path: Path, coding: str) -> None:
    """Nothing of it is unpacked, nothing stays on the disk."""
    wire, results = Wire(), Results(tmp_path, BASE)
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"Content-Encoding": coding}, stream=wire),
    )
    results._http = httpx.AsyncClient(transport=transport)
    with pytest.raises(ResultRefused, match="packed"):
        await results.fetch(7, 0, f"{BASE}/1")
    assert not wire.is_read
    assert not results.path(7, 0).exists()


@pytest.mark.parametrize("coding", ["identity", ""])
async def test_a_result_that_says_it_is_not_packed_is_taken(tmp_path: Path, coding: str) -> None:
    """As it is."""
    results = Results(tmp_path, BASE)
    answer = httpx.Response(200, headers={"Content-Encoding": coding}, content=PICTURE)
    results._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))
    assert (await results.fetch(7, 0, f"{BASE}/1")).size == len(PICTURE)


async def test_a_packed_file_of_a_user_is_not_read(tmp_path: Path) -> None:
    """Telegram sends files as they are."""
    wire, files = Wire(), UserFiles(tmp_path, _bot(), BASE)
    answer = httpx.Response(200, headers={"Content-Encoding": "gzip, gzip"}, stream=wire)
    files._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(FileUnavailable, match="packed"):
        async with files.fetched(7, File("id", "image", size=1_000, mime="image/png"), 10_000):
            pass
    assert not wire.is_read


async def test_files_are_asked_for_unpacked(tmp_path: Path) -> None:
    """A host that does as it is told never packs them."""
    results, files = Results(tmp_path, BASE), UserFiles(tmp_path / "files", _bot(), BASE)
    async with results.connected(), files.connected():
        for http in (results._http, files._http):
            assert http is not None
            assert http.headers["Accept-Encoding"] == "identity"


def _bot() -> Any:
    """Return a bot that knows one call."""

    async def get_file(_file_id: str, **_: Any) -> Any:
        return SimpleNamespace(file_path=f"{BASE}/file/1")

    return SimpleNamespace(get_file=get_file)
