"""The one message that shows how a generation is doing: edited as it goes, never more often than is kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from bot import afterwards, texts
from bot.accounts import Balance
from bot.catalogue import Model, Value
from bot.effects import Keyboard
from bot.generation import cadence
from bot.generation.means import effects
from bot.generation.store import Generation
from bot.ports import Connection
from bot.sql import sql
from bot.texts import labels

Stage = Literal["queued", "drawing", "checking", "sending"]
End = Literal["done", "failed"]

LONGEST_WORDS: Final = 1_500
"""Telegram takes messages of 4096 characters; prompts may be five times as long."""


async def show(connection: Connection, row: Generation, model: Model, stage: Stage) -> None:
    """Let the message show the stage, unless it does already or was edited a moment ago."""
    phrases = texts.of(row.language)
    template = {
        "queued": phrases.queued,
        "drawing": phrases.generation.working[model.result],
        "checking": phrases.generation.checking,
        "sending": phrases.generation.sending,
    }[stage]
    minutes = int(cadence.PROVIDER_SECONDS[model.slo] // 60)
    text = texts.fill(
        template,
        prompt=labels.words(phrases, model, row.inputs),
        model=title(row, model),
        price=phrases.credits(row.price),
        minutes=str(minutes),
    )
    await _edit(connection, row, stage, text, after=cadence.EDIT_SECONDS)


async def end(connection: Connection, row: Generation, model: Model | None, how: End, balance: Balance) -> None:
    """Let the message say how it ended, at once: nobody should wait for what is here, or lost."""
    phrases = texts.of(row.language)
    text = texts.fill(
        (phrases.done if row.price else phrases.account.done_free)
        if how == "done"
        else phrases.failed.replace("{reason}", reason(row, model)),
        prompt=words(row.inputs) if model is None else labels.words(phrases, model, row.inputs),
        price=phrases.credits(row.price),
        balance=phrases.credits(balance.available),
    )
    # What has buttons of its own needs none here: one result, or several that are no album.
    has_buttons = how == "failed" or await connection.fetchval(sql("generation_result_several"), row.id)
    buttons = afterwards.keyboard(phrases, row.user_id, row.id, row.model_id) if has_buttons else ()
    await _edit(connection, row, how, text, after=0.0, keyboard=buttons)


def reason(row: Generation, model: Model | None) -> str:
    """Return why it failed, in the closest words there are: by code, by the input at fault, else by class."""
    phrases, failure = texts.of(row.language).generation, row.failure or "transient"
    closer = phrases.codes.get(row.detail.partition(" ")[0])
    if closer is not None:
        return closer
    if model is not None and (measured := _measured(row, model)) is not None:
        return measured
    field = field_at_fault(model, row.detail) if model is not None and failure == "user" else None
    return (
        phrases.reasons[failure]
        if field is None
        else texts.fill(phrases.field, field=labels.field(texts.of(row.language), field))
    )


def _measured(row: Generation, model: Model) -> str | None:
    """Return what was found wrong with a file once it was here; None when that was not it."""
    phrases, (code, name, found, *_) = texts.of(row.language), [*row.detail.split(" "), "", ""]
    template, rule = phrases.generation.files.get(code), model.media.get(name)
    if template is None or rule is None:
        return None
    limit = phrases.inputs.megapixels.format(number=rule.max_megapixels)
    return texts.fill(
        template,
        field=labels.field(phrases, name),
        found=labels.lasting(phrases, int(found)) if found.isdecimal() else "",
        limit=limit if rule.max_seconds is None else labels.lasting(phrases, rule.max_seconds),
    )


def field_at_fault(model: Model, detail: str) -> str | None:
    """Return the input that the provider's message names first; None when it names none, or the user's own words."""
    named = [(match.start(), name) for name in model.inputs if (match := re.search(rf"(?<!\w){name}(?!\w)", detail))]
    field = min(named)[1] if named else None
    return None if field == model.words else field


def caption(row: Generation, model: Model, *, is_late: bool = False) -> str:
    """Return what stands under the result: the model and what was chosen, and that it is a gift if it comes too late."""
    phrases = texts.of(row.language)
    chosen = labels.details(phrases, model, row.inputs)
    said = texts.fill(phrases.caption, model=title(row, model), details=chosen)
    said = said if chosen else said.removesuffix(" · ")
    return f"{said}\n\n{phrases.generation.late}" if is_late else said


def words(inputs: Mapping[str, Value]) -> str:
    """Return the user's words among the inputs, as much of them as a message can repeat."""
    found = str(inputs.get("prompt") or inputs.get("text") or "")
    return found if len(found) <= LONGEST_WORDS else f"{found[:LONGEST_WORDS]}…"


def title(row: Generation, model: Model) -> str:
    """Return the model's name in the user's language."""
    return model.title.ru if row.language == "ru" else model.title.en


async def _edit(
    connection: Connection, row: Generation, shown: str, text: str, *, after: float, keyboard: Keyboard = ()
) -> None:
    message = await connection.fetchval(sql("generation_show"), row.id, shown, after)
    if message is not None:
        await effects(connection).edit_text(row.chat_id, message, text, keyboard)
