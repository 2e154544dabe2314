"""held → held: one of the user's files goes to the provider, which gets a copy before it gets the order.

    fetched from Telegram ─▶ on our disk, measured ─▶ uploaded ─▶ its address in the row ─▶ the next one, or the order

Invariants: one file a step, so that a run that is killed repeats one upload at most; nothing is ordered before the last
one is there; an upload makes no task, so it may be tried again after anything. Addresses need no renewal: the provider
keeps files for a day, and what waits for longer than `QUEUE_SECONDS` is given up.
"""

from __future__ import annotations

from typing import Final

from bot.catalogue import File, Media, Model
from bot.catalogue.fields import FETCHABLE_BYTES
from bot.generation import cadence, disk, measuring, settlement, store, wire
from bot.generation.means import Means
from bot.generation.store import Generation
from bot.generation.userfiles import FileRefused, FileUnavailable, Local
from bot.probe import Measures
from bot.providers.base import InputRefused, Misconfigured, ProviderError, TooManyRequests
from telemetry import emit, events

UPLOAD_TRIES: Final = 6
"""A file that cannot be brought over so often in a row is given up."""


async def upload(means: Means, row: Generation, model: Model) -> None:
    """Bring over the first of the user's files that the provider does not have."""
    if row.is_overdue:
        return await settlement.fail(means, row, model, "timeout", "queue")
    missing = [(field, file) for field, file in wire.files(row.inputs) if file.file_id not in row.uploads]
    uploads = dict(row.uploads)
    if missing:
        field, file = missing[0]
        rule = model.inputs.get(field)
        most = rule.max_bytes if isinstance(rule, Media) else FETCHABLE_BYTES
        await means.term.trusted()
        try:
            async with means.files.fetched(row.id, file, most) as local:
                if (why := await _objection(means, row, model, file, local)) is not None:
                    return await settlement.fail(means, row, model, "user", why)
                await means.term.trusted()
                content = disk.chunks(local.path)
                uploads[file.file_id] = await means.uploader.upload(local.name, local.mime, content, local.size)
        except FileRefused as error:
            return await settlement.fail(means, row, model, "user", f"{error.why} {field}")
        except FileUnavailable as error:
            return await _later(means, row, model, str(error))
        except ProviderError as error:
            return await _troubled(means, row, model, error)
    async with means.database.transaction() as connection:
        await store.uploaded(connection, row, uploads, max(0, len(missing) - 1))
    return None


async def _objection(means: Means, row: Generation, model: Model, file: File, local: Local) -> str | None:
    """Return why the file is not what was agreed on, for any of the inputs that it is given for; None when it is."""
    rules = model.media
    fields = [field for field, each in wire.files(row.inputs) if each.file_id == file.file_id]
    limited = [field for field in fields if field in rules and rules[field].is_measured]
    found = await means.files.measured(local) if limited else Measures()
    return next(filter(None, (measuring.objection(model, row.inputs, field, found) for field in limited)), None)


async def _troubled(means: Means, row: Generation, model: Model, error: ProviderError) -> None:
    detail = f"{error.code} {error.detail}".strip()
    match error:
        case TooManyRequests():
            async with means.database.transaction() as connection:
                await store.defer(connection, row, cadence.RATE_WINDOW_SECONDS, row.steps)
        case Misconfigured():
            emit(events.ProviderMisconfigured(provider=model.family, operation=error.operation, code=error.code))
            await settlement.fail(means, row, model, error.failure, detail)
        case InputRefused():
            await settlement.fail(means, row, model, error.failure, detail)
        case _:
            emit(
                events.ProviderTroubled(
                    provider=model.family, operation=error.operation, code=error.code, model=model.id
                )
            )
            await _later(means, row, model, detail)


async def _later(means: Means, row: Generation, model: Model, detail: str) -> None:
    if row.steps + 1 >= UPLOAD_TRIES:
        return await settlement.fail(means, row, model, "transient", f"upload {detail}")
    async with means.database.transaction() as connection:
        await store.defer(connection, row, cadence.retry_delay(row.steps + 1, means.luck()), row.steps + 1)
    return None
