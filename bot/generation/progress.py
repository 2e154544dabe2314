"""The one message that shows how a generation is doing: edited as it goes, never more often than is kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bot import texts
from bot.accounts import Balance
from bot.catalogue import Model, Value
from bot.generation import cadence
from bot.generation.means import effects
from bot.generation.store import Generation
from bot.ports import Connection
from bot.sql import sql

Stage = Literal["queued", "drawing", "checking", "sending"]
End = Literal["done", "failed"]


async def show(connection: Connection, row: Generation, model: Model, stage: Stage) -> None:
    """Let the message show the stage, unless it does already or was edited a moment ago."""
    phrases = texts.of(row.language)
    template = {
        "queued": phrases.queued,
        "drawing": phrases.drawing,
        "checking": phrases.checking,
        "sending": phrases.sending,
    }[stage]
    minutes = int(cadence.PROVIDER_SECONDS[model.slo] // 60)
    text = texts.fill(
        template,
        prompt=words(row.inputs),
        model=title(row, model),
        price=phrases.credits(row.price),
        minutes=str(minutes),
    )
    await _edit(connection, row, stage, text, cadence.EDIT_SECONDS)


async def end(connection: Connection, row: Generation, how: End, balance: Balance) -> None:
    """Let the message say how it ended, at once: nobody should wait for a picture that is here, or lost."""
    phrases = texts.of(row.language)
    text = texts.fill(
        phrases.done if how == "done" else phrases.failed,
        prompt=words(row.inputs),
        reason=phrases.reasons[row.failure or "transient"],
        price=phrases.credits(row.price),
        balance=phrases.credits(balance.available),
    )
    await _edit(connection, row, how, text, 0.0)


def caption(row: Generation, model: Model) -> str:
    """Return what stands under the picture: the model, and what was chosen."""
    chosen = [str(row.inputs[name]) for name in model.choices if name in row.inputs]
    return texts.fill(texts.of(row.language).caption, model=title(row, model), details=", ".join(chosen))


def words(inputs: Mapping[str, Value]) -> str:
    """Return the user's words among the inputs."""
    return str(inputs.get("prompt", ""))


def title(row: Generation, model: Model) -> str:
    """Return the model's name in the user's language."""
    return model.title.ru if row.language == "ru" else model.title.en


async def _edit(connection: Connection, row: Generation, shown: str, text: str, after: float) -> None:
    message = await connection.fetchval(sql("generation_show"), row.id, shown, after)
    if message is not None:
        await effects(connection).edit_text(row.chat_id, message, text)
