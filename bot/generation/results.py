"""Results on disk: fetched once from the provider, whole or not at all, kept until the generation is settled.

    address checked ─▶ streamed to a hidden part, counted ─▶ looks like a picture ─▶ fsync ─▶ renamed ─▶ fsync the folder

Addresses come from outside, so they are not trusted: https only, public hosts only, at every redirect. The one
exception is a provider that itself is http on this machine (the sandbox): its own address, and no other.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
import httpx

from bot.providers.kie import USER_AGENT

MOST_BYTES: Final = 20 << 20
MOST_REDIRECTS: Final = 3
WHOLE_SECONDS: Final = 120.0
TIMEOUT: Final = httpx.Timeout(connect=5.0, read=20.0, write=10.0, pool=5.0)
HTTPS_PORT: Final = 443

MAGIC: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF8")
"""How PNG, JPEG, WebP and GIF begin."""


class ResultRefused(Exception):
    """The result cannot be taken, now or later: a forbidden address, too large, no picture."""


class ResultUnavailable(Exception):
    """The result could not be fetched this time."""


class Results:
    """The folder of results, by generation."""

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

    def path(self, generation_id: int) -> Path:
        """Return where the result is, if it is there."""
        return self._folder / str(generation_id)

    async def fetch(self, generation_id: int, url: str) -> Path:
        """Return the result's file, fetched unless it is there; a file that is there is whole and on disk."""
        path = self.path(generation_id)
        if await anyio.Path(path).exists():
            return path
        if self._http is None:
            raise ResultUnavailable("fetching a result: not connected yet")
        try:
            with anyio.fail_after(WHOLE_SECONDS):
                response = await self._open(self._http, url)
                try:
                    await self._save(response, path)
                finally:
                    with anyio.move_on_after(1.0, shield=True):
                        await response.aclose()
        except httpx.InvalidURL as error:
            raise ResultRefused("fetching a result: its address is none") from error
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise ResultUnavailable(f"fetching a result: {type(error).__name__}") from error
        return path

    async def forget(self, generation_id: int) -> None:
        """Remove what is not needed any more."""
        await anyio.Path(self.path(generation_id)).unlink(missing_ok=True)

    async def sweep(self, needed: Collection[int]) -> None:
        """Make the folder, and remove what earlier runs left in it."""
        keep = {str(each) for each in needed}
        await anyio.to_thread.run_sync(_sweep, self._folder, keep)

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

    async def _save(self, response: httpx.Response, path: Path) -> None:
        if response.status_code != httpx.codes.OK:
            raise ResultUnavailable(f"fetching a result: HTTP {response.status_code}")
        part, taken = path.with_name(f".{path.name}.part"), 0
        try:
            async with await anyio.open_file(part, "wb") as file:
                async for chunk in response.aiter_bytes(1 << 16):
                    if taken == 0 and not chunk.startswith(MAGIC):
                        raise ResultRefused("fetching a result: it is no picture")
                    taken += len(chunk)
                    if taken > MOST_BYTES:
                        raise ResultRefused(f"fetching a result: over {MOST_BYTES} bytes")
                    await file.write(chunk)
                if taken == 0:
                    raise ResultRefused("fetching a result: it is empty")
                await file.flush()
                await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
            await anyio.to_thread.run_sync(_publish, part, path)
        finally:
            with anyio.move_on_after(1.0, shield=True):
                await anyio.Path(part).unlink(missing_ok=True)


def _client(*, is_outside: bool) -> httpx.AsyncClient:
    """Return a client that never carries the provider's key: results lie on other people's hosts."""
    # As for the provider itself, a proxy is only for what is outside.
    return httpx.AsyncClient(timeout=TIMEOUT, headers={"User-Agent": USER_AGENT}, trust_env=is_outside)


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.is_global and not found.is_multicast


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
        if file.name not in keep:
            file.unlink(missing_ok=True)
