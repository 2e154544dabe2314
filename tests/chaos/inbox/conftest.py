"""A house of instances on a fresh database of the server that faults happen to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.arena import Arena
from tests.chaos.conftest import TEMPLATE
from tests.chaos.inbox.house import House


@pytest.fixture
def house(arena: Arena, home: Path) -> Iterator[House]:
    """Instances on a fresh database, none started yet."""
    with arena.server.database(TEMPLATE) as url, House(arena, url, home).running() as made:
        yield made
