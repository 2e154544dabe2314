"""What an endpoint counts, so that the objective of the webhook is told the truth."""

from __future__ import annotations

from typing import NoReturn

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from supervisor.app import callbacks, webhook
from supervisor.app.intake import MAX_BODY, Delivery, Entrance, Intake, Refused
from telemetry import events, testing
from telemetry.catalogue import OTHER
from telemetry.catalogue.bot import ROUTE, WEBHOOK


def test_every_endpoint_is_counted_under_its_own_route() -> None:
    """The alerts ask for the webhook by its name; under `other` they would never see a request."""
    assert set(ROUTE.values) == {webhook.ROUTE, callbacks.ROUTE, OTHER}
    assert webhook.ROUTE == WEBHOOK


async def test_a_defect_is_counted_as_500_and_goes_on() -> None:
    """What the server makes of it answers 500, and it counts against the error budget."""

    async def verify(_: Delivery) -> NoReturn:
        raise ZeroDivisionError

    broken = Entrance([Intake("/webhook/{path}", verify, lambda: None)], Starlette())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(broken), base_url="http://bot") as client:
        with testing.record() as recorded, pytest.raises(ZeroDivisionError):
            await client.post("/webhook/x", content=b"{}")
    (refused,) = recorded.all(events.RequestRefused)
    assert (refused.route, refused.code, refused.reason) == ("/webhook/{path}", 500, "ZeroDivisionError")


async def test_a_body_is_read_no_further_than_its_bound() -> None:
    """Whoever sends without end takes neither memory nor time."""
    part, read = b"x" * (1 << 16), 0

    async def receive() -> Message:
        nonlocal read
        read += len(part)
        return {"type": "http.request", "body": part, "more_body": read < 3 * MAX_BODY}

    with pytest.raises(Refused, match="over 1 MiB"):
        await Delivery("", (), receive).body()
    assert read <= MAX_BODY + len(part)
