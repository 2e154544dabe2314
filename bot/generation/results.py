"""Results on disk: fetched once from the provider, whole or not at all, kept until the generation is settled.

    address checked ─▶ streamed to a hidden part, counted ─▶ known by how it begins ─▶ whole on disk

Addresses come from outside, so they are not trusted: https only, public hosts only, at every redirect. The one
exception is a provider that itself is http on this machine (the sandbox): its own address, and no other.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import httpx

from bot.generation import disk
from bot.generation.disk import TooLarge
from bot.generation.kinds import HEAD_BYTES, Kind, kind_of
from bot.generation.parcels import SEND_BYTES
from bot.packed import UNPACKED, is_packed
from bot.providers.kie import USER_AGENT

MOST_REDIRECTS: Final = 3
WHOLE_SECONDS: Final = 180.0
TIMEOUT: Final = httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=5.0)
HTTPS_PORT: Final = 443


class ResultRefused(Exception):
    """The result cannot be taken, now or later: a forbidden address, or no picture, video or sound."""


class ResultUnavailable(Exception):
    """The result could not be fetched this time."""


class DiskTroubled(ResultUnavailable):
    """Our own disk did not take the result: no fault of whoever made it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A result that is there; without a size it is more than Telegram or our disk takes, and is not on disk."""

    kind: str
    size: int | None


class Results:
    """The folder of results, by generation and place."""

    def __init__(self, folder: Path, provider_url: str) -> None:
        self._folder = folder
        self._provider = httpx.URL(provider_url)
        self._http: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Be able to fetch while the block runs."""
        async with _client(is_outside=self._provider.scheme == "https") as http:
            self._http = http
            try:
                yield
            finally:
                self._http = None

    def path(self, generation_id: int, place: int) -> Path:
        """Return where the result is, if it is there."""
        return self._folder / f"{generation_id}.{place}"

    async def fetch(self, generation_id: int, place: int, url: str, room: int = SEND_BYTES) -> Fetched:
        """Return what the result is, fetched unless it is there; a file that is there is whole and on disk.

        One of more than `room` bytes is not kept.
        """
        path = self.path(generation_id, place)
        try:
            if (found := await _here(path)) is not None:
                return found
            if self._http is None:
                raise ResultUnavailable("fetching a result: not connected yet")
            with anyio.fail_after(WHOLE_SECONDS):
                response = await self._open(self._http, url)
                try:
                    return await _save(response, path, min(room, SEND_BYTES))
                finally:
                    with anyio.move_on_after(1.0, shield=True):
                        await response.aclose()
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ResultRefused("fetching a result: its address is none") from error
        except (httpx.HTTPError, TimeoutError, ConnectionError, socket.gaierror) as error:
            raise ResultUnavailable(f"fetching a result: {type(error).__name__}") from error
        except OSError as error:
            raise DiskTroubled(f"keeping a result: {type(error).__name__}") from error

    async def held(self) -> set[int]:
        """Return the generations that have results here."""
        return await disk.held(self._folder)

    async def forget(self, generation_id: int) -> None:
        """Remove what is not needed any more."""
        await disk.remove(self._folder, generation_id)

    async def sweep(self, needed: Collection[int]) -> None:
        """Make the folder, and remove what earlier runs left in it."""
        await disk.sweep(self._folder, {str(each) for each in needed})

    async def _open(self, http: httpx.AsyncClient, address: str) -> httpx.Response:
        url = httpx.URL(address)
        for _ in range(MOST_REDIRECTS + 1):
            await self._check(url)
            response = await http.send(http.build_request("GET", url), stream=True, follow_redirects=False)
            if not response.has_redirect_location:
                return response
            with anyio.move_on_after(1.0, shield=True):
                await response.aclose()
            url = url.join(response.headers["Location"])
        raise ResultRefused(f"fetching a result: more than {MOST_REDIRECTS} redirects")

    async def _check(self, url: httpx.URL) -> None:
        if self._provider.scheme == "http" and _is_loopback(self._provider.host):
            if (url.scheme, url.host, url.port) == (self._provider.scheme, self._provider.host, self._provider.port):
                return
        elif url.scheme == "https" and url.host and not url.userinfo:
            found = await anyio.getaddrinfo(url.host, url.port or HTTPS_PORT, type=socket.SOCK_STREAM)
            if found and all(_is_public(str(each[4][0])) for each in found):
                return
        raise ResultRefused("fetching a result: its address is not https on a public host")


async def _here(path: Path) -> Fetched | None:
    if not await anyio.Path(path).exists():
        return None
    kind = kind_of(await disk.head(path, HEAD_BYTES))
    return None if kind is None else Fetched(kind.suffix, (await anyio.Path(path).stat()).st_size)


async def _save(response: httpx.Response, path: Path, most: int) -> Fetched:
    if response.status_code != httpx.codes.OK:
        raise ResultUnavailable(f"fetching a result: HTTP {response.status_code}")
    if is_packed(response):
        raise ResultRefused("fetching a result: it came packed")
    kind: Kind | None = None

    def begins(chunk: bytes) -> None:
        nonlocal kind
        kind = kind_of(chunk)
        if kind is None:
            raise ResultRefused("fetching a result: it is no picture, video or sound")

    try:
        size = await disk.save(response.aiter_bytes(disk.CHUNK_BYTES), path, most, begins)
    except TooLarge:
        size = None
    if kind is None:
        await anyio.Path(path).unlink(missing_ok=True)
        raise ResultRefused("fetching a result: it is empty")
    return Fetched(kind.suffix, size)


def _client(*, is_outside: bool) -> httpx.AsyncClient:
    """Return a client that never carries the provider's key: results lie on other people's hosts."""
    # As for the provider itself, a proxy is only for what is outside.
    return httpx.AsyncClient(timeout=TIMEOUT, headers={"User-Agent": USER_AGENT, **UNPACKED}, trust_env=is_outside)


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.is_global and not found.is_multicast


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
