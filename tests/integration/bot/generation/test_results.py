"""Results from other people's hosts: fetched whole or not at all, and only from where they may come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import httpx
import pytest

from bot.generation import disk, results
from bot.generation.results import DiskTroubled, Fetched, ResultRefused, Results, ResultUnavailable

PICTURE = b"\x89PNG\r\n\x1a\n" + b"x" * 5000
BASE = "http://127.0.0.1:8081/kie"
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Where results lie."""
    made = tmp_path / "results"
    await Results(made, BASE).sweep([])
    return made


def _names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def _fetch(folder: Path, answer: Answer, url: str = f"{BASE}/files/1", base: str = BASE) -> Fetched:
    made = Results(folder, base)
    made._http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return await made.fetch(7, 0, url)


async def test_a_result_is_whole_on_disk_and_fetched_once(folder: Path) -> None:
    """The second time the file is there; no part is left."""
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(200, content=PICTURE)

    fetched = await _fetch(folder, answer)
    assert fetched == Fetched("png", len(PICTURE))
    assert await _fetch(folder, answer) == fetched
    assert Results(folder, BASE).path(7, 0).read_bytes() == PICTURE
    assert calls == [f"{BASE}/files/1"]
    assert _names(folder) == ["7.0"]


async def test_the_provider_s_key_is_not_told_to_those_who_keep_results(folder: Path) -> None:
    """Its client knows no key."""
    made = Results(folder, "https://provider.example")
    async with made.connected():
        assert made._http is not None
        assert "authorization" not in made._http.headers
        assert made._http.trust_env
    with pytest.raises(ResultUnavailable, match="not connected"):
        await made.fetch(7, 0, "https://provider.example/1")


@pytest.mark.parametrize(
    ("base", "url"),
    [
        (BASE, "https://127.0.0.1/1"),
        (BASE, "http://127.0.0.1:8082/1"),
        (BASE, "http://localhost:8081/1"),
        (BASE, "file:///etc/passwd"),
        (BASE, "https://example.com/1"),
        ("https://provider.example", "http://127.0.0.1:8081/1"),
        ("https://provider.example", "https://127.0.0.1/1"),
        ("https://provider.example", "https://localhost/1"),
        ("https://provider.example", "https://[::1]/1"),
        ("https://provider.example", "https://224.0.0.1/1"),
        ("https://provider.example", "https://[::ffff:127.0.0.1]/1"),
        ("https://provider.example", "https://10.1.2.3/1"),
        ("https://provider.example", "https://192.168.1.1/1"),
        ("https://provider.example", "https://169.254.169.254/latest"),
        ("https://provider.example", "https://0.0.0.0/1"),
        ("https://provider.example", "https://user:word@8.8.8.8/1"),
        ("https://provider.example", "ftp://8.8.8.8/1"),
        ("https://provider.example", "http://8.8.8.8/1"),
        ("https://provider.example", "https://"),
        ("https://provider.example", "//8.8.8.8/1"),
        ("https://provider.example", "https://8.8.8.8:port/1"),
        ("http://provider.example", "http://provider.example/1"),
    ],
)
async def test_an_address_that_is_not_public_https_is_refused(folder: Path, base: str, url: str) -> None:
    """A result's address is foreign data: it must not make us knock at doors inside. The sandbox's own is the exception."""

    def answer(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("it was asked")

    with pytest.raises(ResultRefused):
        await _fetch(folder, answer, url, base)
    assert _names(folder) == []


async def test_a_public_https_address_is_fetched(folder: Path) -> None:
    """The usual case."""
    await _fetch(folder, lambda _: httpx.Response(200, content=PICTURE), "https://8.8.8.8/1", "https://p.example")
    assert (folder / "7.0").read_bytes() == PICTURE


async def test_every_redirect_is_checked_and_there_are_three_at_most(folder: Path) -> None:
    """A public host may not lead inside, and none may lead on for ever."""

    def inside(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "https://169.254.169.254/latest"})

    with pytest.raises(ResultRefused, match="public host"):
        await _fetch(folder, inside, "https://8.8.8.8/1", "https://p.example")

    hops: list[str] = []

    def around(request: httpx.Request) -> httpx.Response:
        hops.append(request.url.path)
        return httpx.Response(302, headers={"Location": f"/{len(hops)}"})

    with pytest.raises(ResultRefused, match="3 redirects"):
        await _fetch(folder, around, "https://8.8.8.8/0", "https://p.example")
    assert hops == ["/0", "/1", "/2", "/3"]


@pytest.mark.parametrize("address", ["https://xn--/1", "https://xn--a.com/1"])
async def test_an_address_that_no_name_can_be_made_of_is_refused(folder: Path, address: str) -> None:
    """As it came, and where a redirect leads."""
    with pytest.raises(ResultRefused, match="its address is none"):
        await _fetch(folder, lambda _: httpx.Response(200), address, "https://p.example")
    with pytest.raises(ResultRefused, match="its address is none"):
        await _fetch(
            folder,
            lambda _: httpx.Response(302, headers={"Location": address}),
            "https://8.8.8.8/0",
            "https://p.example",
        )


async def test_trouble_of_our_own_disk_is_told_from_a_host_that_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both may pass; the one is no fault of who made the result."""
    with pytest.raises(ResultUnavailable) as away:
        await _fetch(folder, lambda _: httpx.Response(200), "https://nowhere.invalid/1", "https://p.example")
    assert not isinstance(away.value, DiskTroubled)

    async def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "save", full)
    with pytest.raises(DiskTroubled):
        await _fetch(folder, lambda _: httpx.Response(200, content=PICTURE))


async def test_less_room_than_telegram_takes_is_kept_to(folder: Path) -> None:
    """As for what is too large for Telegram: its kind is known, it has no size, nothing is kept."""
    made = Results(folder, BASE)
    made._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=PICTURE)))
    assert await made.fetch(7, 0, f"{BASE}/1", 5_000) == Fetched("png", None)
    assert _names(folder) == []


@pytest.mark.parametrize(("content", "words"), [(b"<html>no</html>", "no picture"), (b"", "empty")])
async def test_what_is_neither_picture_nor_video_nor_sound_is_refused(folder: Path, content: bytes, words: str) -> None:
    """And nothing of it stays on the disk."""
    with pytest.raises(ResultRefused, match=words):
        await _fetch(folder, lambda _: httpx.Response(200, content=content))
    assert _names(folder) == []


async def test_more_than_telegram_takes_is_not_kept_and_known_to_be_too_much(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kind is known, it has no size, and the disk is not filled with it."""
    monkeypatch.setattr(results, "SEND_BYTES", 1_000)
    found = await _fetch(folder, lambda _: httpx.Response(200, content=b"\xff\xd8\xff" + b"x" * 2_000))
    assert found == Fetched("jpg", None)
    assert _names(folder) == []


@pytest.mark.parametrize("status", [404, 403, 500, 503])
async def test_a_result_that_is_not_there_now_may_be_there_later(folder: Path, status: int) -> None:
    """Whether to try again is the caller's to say."""
    with pytest.raises(ResultUnavailable, match=str(status)):
        await _fetch(folder, lambda _: httpx.Response(status))


async def test_a_broken_transfer_leaves_nothing_behind(folder: Path) -> None:
    """Half a picture is none."""

    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield PICTURE
            raise httpx.ReadError("reset")

    with pytest.raises(ResultUnavailable, match="ReadError"):
        await _fetch(folder, lambda _: httpx.Response(200, stream=Broken()))
    assert _names(folder) == []


async def test_a_transfer_that_drips_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole has a limit, not only each read."""
    monkeypatch.setattr(results, "WHOLE_SECONDS", 0.1)

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield PICTURE
            await anyio.sleep_forever()

    with pytest.raises(ResultUnavailable, match="TimeoutError"):
        await _fetch(folder, lambda _: httpx.Response(200, stream=Drip()))
    assert _names(folder) == []


async def test_only_results_that_are_needed_are_kept(folder: Path) -> None:
    """What earlier runs left behind does not fill the disk."""
    for name in ("1.0", "2.0", "2.1", "22.0", ".2.1.part"):
        (folder / name).write_bytes(b"x")
    made = Results(folder, BASE)
    await made.sweep([2])
    assert sorted(_names(folder)) == ["2.0", "2.1"]
    (folder / "22.0").write_bytes(b"x")
    await made.forget(2)
    await made.forget(2)
    assert _names(folder) == ["22.0"]
