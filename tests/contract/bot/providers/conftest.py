"""The provider's adapters, talking to a sandbox of the test's own over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.providers import kie
from bot.providers.base import Order, Pending, Progress, Provider
from bot.providers.call import Line
from bot.providers.uploads import Uploads
from bot.sandbox.client import Client, connected
from bot.sandbox.testing import running, until

KEY = SecretStr("contract-key")
ORDERS: Mapping[str, Order] = {
    "market": Order("z-image", {"prompt": "a red fox in snow", "aspect_ratio": "1:1"}),
    "veo": Order("veo3_fast", {"prompt": "a ship at sea", "aspectRatio": "16:9"}),
    "suno": Order("V4", {"prompt": "a calm piano", "customMode": False, "instrumental": True}),
    "runway": Order("runway", {"prompt": "a cat dances", "duration": 5, "quality": "720p"}),
    "gpt4o": Order("gpt4o-image", {"prompt": "a castle", "size": "1:1", "nVariants": 2}),
    "kontext": Order("flux-kontext-pro", {"prompt": "a castle", "aspectRatio": "16:9"}),
}
"""One order of each family."""


@dataclass(frozen=True)
class Desk:
    """A sandbox, and the bot's side of the provider on it."""

    sandbox: Client
    http: httpx.AsyncClient
    families: Mapping[str, Provider]

    @property
    def uploads(self) -> Uploads:
        """The file host."""
        return Uploads(Line(self.http))

    async def count(self) -> int:
        """How many tasks the provider has."""
        return len(await self.sandbox.tasks())

    async def ended(self, family: str, task_id: str) -> Progress:
        """Return how a task ended."""
        found: list[Progress] = []

        async def has_ended() -> bool:
            found.append(await self.families[family].poll(task_id))
            return not isinstance(found[-1], Pending)

        await until(has_ended, "the task ends")
        return found[-1]

    async def made(self, family: str, **more: Any) -> Progress:
        """Return the end of a task that was ordered now."""
        order = ORDERS[family]
        task_id = await self.families[family].create(Order(order.model_id, {**order.inputs, **more}))
        return await self.ended(family, task_id)


@pytest.fixture
async def desk(home: Path) -> AsyncIterator[Desk]:
    """A sandbox without its usual two seconds."""
    async with running(home) as address, connected(address) as client, kie.client(f"{address}/kie", KEY) as http:
        await client.set_faults(provider_latency=0)
        yield Desk(client, http, kie.families(http))
