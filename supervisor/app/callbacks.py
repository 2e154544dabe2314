"""POST /callbacks/kie/{token}: the provider says that a task has moved. A hint: nothing is believed but where to look.

unknown token 404 · over 1 MiB 413 · not storable now 503 with Retry-After · any body with a known token 200
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import anyio

from bot.generation import callback
from bot.ports import Arrival
from supervisor.app.intake import RETRY_AFTER, Delivery, Intake, Refused
from supervisor.database import LOST, Pool
from supervisor.inbox.writer import Writer

ROUTE = "/callbacks/kie/{token}"
LOOKUP_SECONDS = 2.0


def callbacks(pool: Callable[[], Pool | None], writer: Callable[[], Writer | None]) -> Intake:
    """Return the endpoint; the token in the address is one generation's own and known to the provider alone."""

    async def verify(delivery: Delivery) -> Arrival:
        try:
            token = UUID(delivery.token)
        except ValueError as error:
            raise Refused(404, "unknown token") from error
        if not await known(token):
            raise Refused(404, "unknown token")
        return callback.arrival(token, await delivery.body())

    async def known(token: UUID) -> bool:
        connections = pool()
        if connections is None:
            raise Refused(503, "starting", retry_after=RETRY_AFTER)
        try:
            with anyio.fail_after(LOOKUP_SECONDS):
                return bool(await connections.fetchval(callback.KNOWN, token))
        except LOST as error:
            raise Refused(503, "database does not answer", retry_after=RETRY_AFTER) from error

    return Intake(ROUTE, verify, writer)
