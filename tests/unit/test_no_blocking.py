"""A blocking call of ours on the event loop fails a unit test."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from blockbuster import BlockingError

from supervisor.home import create_home


async def test_a_blocking_call_on_the_loop_is_caught(tmp_path: Path) -> None:
    """Waiting for a disk there is an outage of everything else; in a thread it is fine."""
    with pytest.raises(BlockingError):
        create_home(tmp_path / "home")
    await anyio.to_thread.run_sync(create_home, tmp_path / "home")
