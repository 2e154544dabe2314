"""POST /webhook/{path}: Telegram's updates.

wrong path 404 · wrong secret 401 · over 1 MiB 413 · not storable now 503 with Retry-After
right secret, broken or unknown body: 200 and a dead row (a 4xx would make Telegram block that chat for a day)
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from bot import ingress
from bot.ports import Arrival
from supervisor.app.intake import RETRY_AFTER, Intake, Refused, read_body
from supervisor.inbox.writer import Writer

ROUTE = "/webhook/{path}"
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - a header's name


@dataclass(frozen=True, slots=True, repr=False)
class WebhookSecrets:
    """The random path and the header's secret; kept in the database, the same on every instance."""

    path: str
    token: str


def webhook(secrets: Callable[[], WebhookSecrets | None], writer: Callable[[], Writer | None]) -> Intake:
    """Return the endpoint; until secrets and writer exist it answers 503, and Telegram asks again."""

    async def verify(request: Request) -> Arrival:
        expected = secrets()
        if expected is None:
            raise Refused(503, "starting", retry_after=RETRY_AFTER)
        if not _equal(request.path_params["path"], expected.path):
            raise Refused(404, "unknown path")
        if not _equal(request.headers.get(SECRET_HEADER, ""), expected.token):
            raise Refused(401, "wrong secret")
        return ingress.arrival(await read_body(request))

    return Intake(ROUTE, verify, writer)


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
