"""The files a task is made from: fetched from where its inputs say, which must be on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import anyio
import anyio.to_thread
import httpx

from bot.probe import measure
from bot.sandbox.fields import Field, Medium
from bot.sandbox.loopback import is_loopback_url
from bot.sandbox.models import Model

SECONDS: Final = 10.0
MOST_BYTES: Final = 50 << 20
UNREADABLE: Final = 451
WRONG: Final = 422
MEDIA: Final[tuple[Medium, ...]] = ("image", "video", "audio")


@dataclass(frozen=True, slots=True)
class Look:
    """What was found: the code and the words for a file that cannot be used, or how long the longest one lasts."""

    refusal: tuple[int, str] | None = None
    seconds: float = 0.0


async def look(http: httpx.AsyncClient, model: Model, given: Mapping[str, Any]) -> Look:
    """Fetch what the inputs name, up to the first file that cannot be used."""
    seconds = 0.0
    for field in model.fields.values():
        for address in field.addresses(given.get(field.name)):
            found = await _look(http, field, address)
            if found.refusal:
                return found
            seconds = max(seconds, found.seconds)
    return Look(seconds=seconds)


async def _look(http: httpx.AsyncClient, field: Field, address: str) -> Look:
    if not is_loopback_url(address):
        return Look((UNREADABLE, f"Failed to fetch {field.name}: the sandbox fetches from this machine only"))
    content = bytearray()
    try:
        with anyio.fail_after(SECONDS):
            async with http.stream("GET", address) as response:
                status, mime = response.status_code, response.headers.get("content-type", "")
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MOST_BYTES:
                        return Look((WRONG, f"{field.name} is over {MOST_BYTES} bytes"))
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
        return Look((UNREADABLE, f"Failed to fetch {field.name}: {type(error).__name__}"))
    if status != httpx.codes.OK:
        return Look((UNREADABLE, f"Failed to fetch {field.name}: HTTP {status}"))
    medium = mime.partition("/")[0]
    if medium in MEDIA and medium != field.medium:
        return Look((WRONG, f"{field.name} must be {field.medium}, not {mime}"))
    measures = await anyio.to_thread.run_sync(measure, bytes(content))
    return Look(seconds=float(round(measures.seconds)))
