"""What the steps of a generation work with, and how they stand up to a lost database and to a stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio

from bot.catalogue import Catalogue, Model
from bot.effects import Effects
from bot.generation.results import Results
from bot.generation.userfiles import UserFiles
from bot.ports import Connection, Database, Term
from bot.providers.base import Provider, Uploader
from bot.vitals import Vitals
from telemetry import emit, events, tracing

STOP_SECONDS: Final = 3.0
"""How long a stop waits for a call whose answer must be written down."""

DATABASE_PAUSE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Means:
    """The tools of every step; `providers` by family, `luck` in [0, 1)."""

    database: Database
    term: Term
    catalogue: Catalogue
    providers: Mapping[str, Provider]
    uploader: Uploader
    results: Results
    files: UserFiles
    luck: Callable[[], float]
    callback_url: Callable[[object], str | None] = lambda _token: None
    vitals: Vitals = field(default_factory=Vitals)

    def provider_of(self, model: Model) -> Provider:
        """Return who makes this model's generations."""
        return self.providers[model.family]

    async def insist(self, write: Callable[[Connection], Awaitable[None]]) -> None:
        """Do `write` in a transaction, again and again while the database is away, for as long as the term lasts.

        For what only this process knows: the provider's answer. `write` must bear being done twice.
        """
        while True:
            try:
                async with self.database.transaction() as connection:
                    return await write(connection)
            except self.database.lost as error:
                await self.term.trusted()
                emit(events.GenerationsStalled(error=error, retry_seconds=DATABASE_PAUSE_SECONDS))
                await anyio.sleep(DATABASE_PAUSE_SECONDS)


def effects(connection: Connection) -> Effects:
    """Return the effects of a step's own transaction."""
    return Effects(connection, tracing.inject())


async def undisturbed(term: Term, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` to its end; when a stop comes meanwhile, it has `STOP_SECONDS` more, if the term lasts so long."""
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        with anyio.CancelScope(shield=True) as shielded:
            group.start_soon(_limit_at_stop, term, shielded)
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - raised again below: here the group would wrap it
                failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _limit_at_stop(term: Term, shielded: anyio.CancelScope) -> None:
    """Wait for the stop, which is this task's cancellation, and then bound the shielded work."""
    try:
        await anyio.sleep_forever()
    finally:
        shielded.deadline = anyio.current_time() + min(STOP_SECONDS, term.remaining())
