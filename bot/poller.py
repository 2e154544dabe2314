"""Polling mode: fetch updates and confirm them only when all of them are committed.

    getUpdates(offset) ──▶ put each, lane by lane in order ──▶ all committed? ── yes ──▶ offset = last + 1
           ▲                                                        └── no ──▶ the same offset again, after a pause

Invariants
* Telegram forgets an update when a later offset is asked for, and that is asked only after the commit: a crash at any
  instant fetches it again, and the inbox knows it.
* Of one lane, an update is put only when the one before it is committed: a failure cannot change their order.
* One malformed entry is one dead row; it holds up nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import httpx
from anyio.abc import TaskStatus

from bot.errors import BotError
from bot.ingress import ALLOWED_UPDATES, arrival_of, update_id
from bot.pause import pause
from bot.ports import Arrival, Inbox, Term
from bot.settings import BotSettings
from telemetry import emit, events

LONG_POLL_SECONDS = 25
BATCH = 100
CONNECT_SECONDS = 5.0
MARGIN_SECONDS = 10.0
"""How much later than asked an answer to a long poll may come."""
RETRY_BASE_SECONDS = 0.5
RETRY_CAP_SECONDS = 30.0
CONFLICT = 409


class PollRefused(BotError):
    """Telegram did not answer a poll with updates."""

    def __init__(self, code: int, description: str, retry_after: float = 0.0) -> None:
        super().__init__(f"Fetching updates: Telegram answered {code}: {description}")
        self.code = code
        self.description = description
        self.retry_after = retry_after


class Poller:
    """A child of the ACTIVE. `not_stored` are the exceptions by which `inbox` says that it cannot store now."""

    def __init__(
        self,
        settings: BotSettings,
        inbox: Inbox,
        term: Term,
        *,
        not_stored: tuple[type[Exception], ...],
        jitter: Callable[[], float] = random.random,
        long_poll_seconds: int = LONG_POLL_SECONDS,
    ) -> None:
        api = str(settings.telegram_api_url).rstrip("/")
        # A proxy of the environment is for what is outside; plain http is the sandbox on this machine.
        self._is_outside = api.startswith("https:")
        self._url = f"{api}/bot{settings.telegram_bot_token.get_secret_value()}/getUpdates"
        self._inbox = inbox
        self._term = term
        self._not_stored = not_stored
        self._retried: tuple[type[Exception], ...] = (PollRefused, httpx.HTTPError, *not_stored)
        self._jitter = jitter
        self._long_poll_seconds = long_poll_seconds
        self._offset: int | None = None

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Poll until cancelled; woken by Telegram's answers, slowed down by a pause after each failure."""
        timeout = httpx.Timeout(CONNECT_SECONDS, read=self._long_poll_seconds + MARGIN_SECONDS)
        async with httpx.AsyncClient(timeout=timeout, trust_env=self._is_outside) as client:
            task_status.started()
            failures = 0
            while True:
                # A poll confirms what came before it: a term that is over does not poll.
                await self._term.trusted()
                try:
                    await self._poll(client)
                except self._retried as error:
                    failures += 1
                    await anyio.sleep(self._refused(error, failures))
                else:
                    failures = 0

    def _refused(self, error: Exception, failures: int) -> float:
        """Report a failed poll and return the seconds to wait."""
        delay = pause(failures, self._jitter(), base=RETRY_BASE_SECONDS, cap=RETRY_CAP_SECONDS)
        if isinstance(error, PollRefused) and error.code == CONFLICT:
            emit(events.PollConflict(reason=error.description))
        else:
            emit(events.PollFailed(error=type(error).__name__, retry_seconds=round(delay, 3)))
        return max(delay, error.retry_after if isinstance(error, PollRefused) else 0.0)

    async def _poll(self, client: httpx.AsyncClient) -> None:
        """Fetch one batch, store it, and confirm it with the next poll."""
        updates = await self._fetch(client)
        await self._store(updates)
        ids = [number for update in updates if (number := update_id(update)) is not None]
        if ids:
            self._offset = max(ids) + 1
        elif updates:
            raise PollRefused(200, "no entry has an update_id, so none can be confirmed")

    async def _fetch(self, client: httpx.AsyncClient) -> Sequence[object]:
        asked = {"timeout": self._long_poll_seconds, "limit": BATCH, "allowed_updates": list(ALLOWED_UPDATES)}
        response = await client.post(self._url, json=asked | ({} if self._offset is None else {"offset": self._offset}))
        try:
            answer = response.json()
        except (ValueError, RecursionError) as error:
            raise PollRefused(response.status_code, "the answer is not JSON") from error
        result = answer.get("result") if isinstance(answer, dict) else None
        if response.status_code != httpx.codes.OK or not isinstance(result, list):
            raise _refusal(response.status_code, answer)
        return result

    async def _store(self, updates: Sequence[object]) -> None:
        """Put every update; return when all are committed, raise when one is not."""
        lanes: dict[str, list[Arrival]] = {}
        for update in updates:
            arrival = arrival_of(update)
            lanes.setdefault(arrival.lane, []).append(arrival)
        failures: list[Exception] = []
        async with anyio.create_task_group() as group:
            for arrivals in lanes.values():
                group.start_soon(self._put, arrivals, failures)
        if failures:
            raise failures[0]

    async def _put(self, arrivals: Sequence[Arrival], failures: list[Exception]) -> None:
        try:
            for arrival in arrivals:
                await self._inbox.put(arrival)
        except self._not_stored as error:
            failures.append(error)


def _refusal(code: int, answer: Any) -> PollRefused:
    found: dict[str, Any] = answer if isinstance(answer, dict) else {}
    parameters = found.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return PollRefused(
        code,
        str(found.get("description", "no description"))[:200],
        float(wait) if isinstance(wait, int | float) else 0.0,
    )
