"""POST /callbacks/kie/{token}: the provider says that a task has moved. A hint: nothing is believed but where to look.

unknown token 404 · with the provider's key set, unsigned, old or forged 401 · over 1 MiB 413
too many at a time, or not storable now 503 with Retry-After · any other body with a known token 200
"""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import anyio
from pydantic import SecretStr

from bot.generation import callback
from bot.ports import Arrival
from supervisor.app.intake import RETRY_AFTER, Delivery, Intake, Refused
from supervisor.database import LOST, Pool
from supervisor.inbox.writer import Writer
from telemetry import emit, events

ROUTE = "/callbacks/kie/{token}"
TIMESTAMP = b"x-webhook-timestamp"
SIGNATURE = b"x-webhook-signature"
LOOKUP_SECONDS = 2.0
LOOKUPS_AT_ONCE = 2
"""Anybody can name a token: the rest of the pool is for the work, however many do."""
ROOM_SECONDS = 0.5
"""How long a token waits for its look-up."""


def callbacks(
    pool: Callable[[], Pool | None],
    writer: Callable[[], Writer | None],
    key: SecretStr | None = None,
    clock: Callable[[], float] = time.time,
) -> Intake:
    """Return the endpoint; the token in the address is one generation's own and known to the provider alone.

    With the provider's `key` its signature is demanded as well, at most 300 s old on this machine's clock.
    """
    lookups = anyio.CapacityLimiter(LOOKUPS_AT_ONCE)

    async def verify(delivery: Delivery) -> Arrival:
        try:
            token = UUID(delivery.token)
        except ValueError as error:
            raise Refused(404, "unknown token") from error
        if not await known(token):
            raise Refused(404, "unknown token")
        body = await delivery.body()
        if key is not None and not signed(delivery, body, key):
            emit(events.CallbackTaken(outcome="forged"))
            raise Refused(401, "forged or old")
        return callback.arrival(token, body)

    def signed(delivery: Delivery, body: bytes, key: SecretStr) -> bool:
        timestamp, signature = (delivery.header(name).decode("latin-1") for name in (TIMESTAMP, SIGNATURE))
        return callback.is_signed(body, timestamp, signature, key=key.get_secret_value(), now=clock())

    async def known(token: UUID) -> bool:
        connections = pool()
        if connections is None:
            raise Refused(503, "starting", retry_after=RETRY_AFTER)
        try:
            with anyio.fail_after(ROOM_SECONDS):
                await lookups.acquire()
        except TimeoutError as error:
            emit(events.CallbackTaken(outcome="crowded"))
            raise Refused(503, "too many at a time", retry_after=RETRY_AFTER) from error
        try:
            with anyio.fail_after(LOOKUP_SECONDS):
                return bool(await connections.fetchval(callback.KNOWN, token))
        except LOST as error:
            raise Refused(503, "database does not answer", retry_after=RETRY_AFTER) from error
        finally:
            lookups.release()

    return Intake(ROUTE, verify, writer)
