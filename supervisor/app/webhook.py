"""POST /webhook/{path}: Telegram's updates.

wrong path 404 · wrong secret 401 · over 1 MiB 413 · not storable now 503 with Retry-After
right secret, broken or unknown body: 200 and a dead row (a 4xx would make Telegram block that chat for a day)
asked before a payment: 200 with the answer, or 503 when the order cannot be looked up
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

from bot import ingress
from bot.ports import Arrival
from supervisor.app.checkout import replying, till
from supervisor.app.intake import RETRY_AFTER, Delivery, Intake, Refused
from supervisor.database import Pool
from supervisor.inbox.writer import Writer

ROUTE = "/webhook/{path}"
SECRET_HEADER = b"x-telegram-bot-api-secret-token"


@dataclass(frozen=True, slots=True, repr=False)
class WebhookSecrets:
    """The random path and the header's secret; kept in the database, the same on every instance."""

    path: str
    token: str


def webhook(
    secrets: Callable[[], WebhookSecrets | None],
    writer: Callable[[], Writer | None],
    pool: Callable[[], Pool | None] = lambda: None,
) -> Intake:
    """Return the endpoint; until secrets and writer exist it answers 503, and Telegram asks again."""

    async def verify(delivery: Delivery) -> Arrival:
        expected = secrets()
        if expected is None:
            raise Refused(503, "starting", retry_after=RETRY_AFTER)
        if not compare_digest(delivery.token.encode(), expected.path.encode()):
            raise Refused(404, "unknown path")
        if not compare_digest(delivery.header(SECRET_HEADER), expected.token.encode()):
            raise Refused(401, "wrong secret")
        return ingress.arrival(await delivery.body())

    return Intake(ROUTE, verify, writer, replying(till(pool)))
