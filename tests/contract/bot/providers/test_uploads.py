"""Files to the provider: streamed, capped, and served back as they were."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.providers import base, kie
from bot.providers.call import Line
from bot.providers.uploads import Uploads
from tests.contract.bot.providers.conftest import KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.bot.providers.conftest import Desk

CONTENT = bytes(range(256)) * 2_000


async def _chunks(content: bytes = CONTENT) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), 60_000):
        yield content[begin : begin + 60_000]


def _kept(home: Path) -> list[Path]:
    return list((home / "sandbox" / "uploads").glob("*"))


@pytest.mark.parametrize("size", [None, len(CONTENT)])
async def test_a_stream_arrives_as_it_was(desk: Desk, size: int | None) -> None:
    """With and without its size told."""
    url = await desk.uploads.upload("my photo.jpg", "image/jpeg", _chunks(), size)
    answer = await desk.http.get(url)
    assert (answer.content, answer.headers["content-type"]) == (CONTENT, "image/jpeg")


@pytest.mark.parametrize(
    "name", ["", "a", "../../etc/passwd", 'x"\r\nX-Evil: 1', "фото.jpg", "a" * 500 + ".png", "\ud83d"]
)
async def test_any_name_and_kind_is_taken(desk: Desk, name: str) -> None:
    """What a person calls a file ends in no header and no path."""
    for mime in ("image/png", "", "text/x\r\nX-Evil: 1"):
        url = await desk.uploads.upload(name, mime, b"content")
        assert (await desk.http.get(url)).content == b"content"


async def test_files_of_one_name_do_not_take_each_other_s_place(desk: Desk) -> None:
    """The file host keeps one file of a name; every upload has a name of its own."""
    first, second = [await desk.uploads.upload("photo.jpg", "image/jpeg", content) for content in (b"one", b"two")]
    assert [(await desk.http.get(url)).content for url in (first, second)] == [b"one", b"two"]


async def test_what_is_too_large_is_refused_while_it_is_read(desk: Desk, home: Path) -> None:
    """At the cap when the size is not known, and before anything is sent when it is; nothing is kept."""
    async with kie.client("http://127.0.0.1:1", KEY) as nobody:
        with pytest.raises(base.InputRefused):
            await Uploads(Line(nobody), most_bytes=100_000).upload("a.jpg", "image/jpeg", _chunks(), len(CONTENT))
    uploads = Uploads(Line(desk.http), most_bytes=100_000)
    for content, size in ((CONTENT, None), (_chunks(), len(CONTENT)), (_chunks(), None)):
        with pytest.raises(base.InputRefused) as told:
            await uploads.upload("a.jpg", "image/jpeg", content, size)
        assert (told.value.operation, told.value.code) == ("upload", "413")
    assert _kept(home) == []


async def test_a_size_that_was_a_lie_leaves_nothing(desk: Desk, home: Path) -> None:
    """More or fewer bytes than told: an error of the upload, and no file of a wrong length."""
    for size in (len(CONTENT) - 1, len(CONTENT) - 1_000, len(CONTENT) + 1):
        with pytest.raises(base.ProviderError):
            await desk.uploads.upload("a.jpg", "image/jpeg", _chunks(), size)
    assert _kept(home) == []


async def test_the_source_s_own_error_is_raised_as_it_is(desk: Desk, home: Path) -> None:
    """A download that breaks off behind the upload is not the provider's failure."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise httpx.ReadError("the download broke off")

    with pytest.raises(httpx.ReadError, match="download"):
        await desk.uploads.upload("a.jpg", "image/jpeg", broken())
    assert _kept(home) == []


@pytest.mark.parametrize(
    ("fault", "kind"), [("provider_upload_http", base.OutcomeUnknown), ("provider_down", base.OutcomeUnknown)]
)
async def test_a_broken_file_host_is_told_as_such(desk: Desk, fault: str, kind: type[Exception]) -> None:
    """Another try makes another copy, which harms nobody."""
    await desk.sandbox.set_faults(**{fault: "503*1"})
    with pytest.raises(kind):
        await desk.uploads.upload("a.jpg", "image/jpeg", b"x")
    assert await desk.uploads.upload("a.jpg", "image/jpeg", b"x")


async def test_a_file_host_that_is_away_has_seen_nothing() -> None:
    """Nothing listens there."""
    async with kie.client("http://127.0.0.1:1", KEY) as http:
        with pytest.raises(base.NotReached):
            await Uploads(Line(http)).upload("a.jpg", "image/jpeg", b"x")


def test_files_go_where_the_provider_keeps_them() -> None:
    """The public provider has a host for them; a sandbox takes them itself."""
    assert kie.upload_url("https://api.kie.ai") == kie.UPLOAD_URL
    assert kie.upload_url("http://127.0.0.1:8081/kie") == "http://127.0.0.1:8081/kie"
