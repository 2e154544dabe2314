"""What a task brought: bounded in time and in what it takes of our disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from bot.generation import collection
from bot.generation.collection import collect
from bot.generation.results import Fetched, ResultUnavailable
from bot.providers.base import Succeeded

FOUND = Succeeded(("https://a/0", "https://a/1", "https://a/2", "https://a/3"), Decimal(1))


@dataclass
class Store:
    """Results of so many bytes each, or none that ends."""

    bytes_of: Callable[[int], int] | None

    async def fetch(self, _generation_id: int, place: int, _url: str, room: int) -> Fetched:
        """Return a video, without a size if it is more than wanted."""
        if self.bytes_of is None:
            await anyio.sleep_forever()
        assert self.bytes_of is not None
        size = self.bytes_of(place)
        return Fetched("mp4", size if size <= room else None)


async def _trusted() -> None:
    return None


async def _collect(store: Store) -> list[tuple[int, int | None, str | None]]:
    means: Any = SimpleNamespace(results=store, term=SimpleNamespace(trusted=_trusted))
    row: Any = SimpleNamespace(id=7)
    return [(piece.place, piece.size, piece.url) for piece in await collect(means, row, FOUND)]


async def test_all_fetches_of_one_look_have_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that says nothing holds a place for so long, however many results lie there; what came is still there."""
    monkeypatch.setattr(collection, "LOOK_SECONDS", 0.05)
    with anyio.fail_after(5), pytest.raises(ResultUnavailable, match="in time"):
        await _collect(Store(None))


async def test_a_generation_takes_so_much_of_the_disk_and_the_rest_goes_as_links(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What no longer fits has no size and its address; a smaller one behind it may fit again."""
    monkeypatch.setattr(collection, "GENERATION_BYTES", 100)
    sizes = (60, 50, 40, 1)
    assert await _collect(Store(lambda place: sizes[place])) == [
        (0, 60, "https://a/0"),
        (1, None, "https://a/1"),
        (2, 40, "https://a/2"),
        (3, None, "https://a/3"),
    ]
