"""The rows of generations: read, and moved one step at a time.

A move names the state it was decided in. When the row has moved on meanwhile, nothing happens and the caller is told:
what was decided for another state is not done in this one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from bot.accounts import Language
from bot.catalogue import File, Value
from bot.generation.states import State, may_go
from bot.ports import Connection
from bot.providers.base import Failure
from bot.sql import sql

Step = Literal["upload", "submit", "look", "late", "end"]
"""What a due generation needs: a call that brings a file, makes a task, looks at one, or no call at all."""
Late = Literal["awaited", "sent", "delivered", "ended"]
"""How it stands with what may come after the credits went back."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation as its next step needs it; ages are in seconds, `age` from the submission.

    `uploads`: where the provider has the user's files, by Telegram's id of each. `detail`: a failure's code and what the
    provider said. `late`: None while the credits are not given back, or nothing can come any more.
    """

    id: int
    user_id: int
    chat_id: int
    language: Language
    model_id: str
    inputs: Mapping[str, Value]
    price: int
    state: State
    hold_id: int | None
    task_id: str | None
    callback_token: UUID
    result_url: str | None
    failure: Failure | None
    detail: str
    uploads: Mapping[str, str]
    status_outbox_id: int | None
    steps: int
    age: float
    is_overdue: bool
    late: Late | None
    is_too_late: bool
    settled_age: float
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """A step and what it notes; `wait` in seconds until the next one, None when nothing of ours is next."""

    to: State
    wait: float | None = 0.0
    deadline: float | None = None
    steps: int = 0
    task_id: str | None = None
    result_url: str | None = None
    cost: int | None = None
    failure: Failure | None = None
    detail: str | None = None


async def quote(
    connection: Connection,
    *,
    user_id: int,
    chat_id: int,
    model_id: str,
    inputs: Mapping[str, Value],
    price: int,
    traceparent: str | None,
) -> int:
    """Keep a price that is about to be shown and return the generation's id."""
    made: int = await connection.fetchval(
        sql("generation_quote"), user_id, chat_id, model_id, dump(inputs), price, traceparent
    )
    return made


async def get(connection: Connection, generation_id: int) -> Generation | None:
    """Return the generation, or None."""
    row = await connection.fetchrow(sql("generation_get"), generation_id)
    return None if row is None else _generation(row)


async def bare(connection: Connection, generation_id: int) -> Generation | None:
    """Return the generation without what the user asked for: also where that cannot be read."""
    row = await connection.fetchrow(sql("generation_get"), generation_id)
    return None if row is None else _generation({**row, "inputs": "{}", "uploads": None})


async def due(
    connection: Connection, *, busy: Iterable[int], uploads: int, submits: int, looks: int, ends: int
) -> list[tuple[int, Step]]:
    """Return what is due, oldest first, at most so many of each."""
    rows = await connection.fetch(sql("generation_due"), list(busy), submits, looks, ends, uploads)
    return [(row["id"], row["step"]) for row in rows]


async def move(connection: Connection, row: Generation, move_: Move) -> bool:
    """Take the step; False when the row has left the state it was seen in."""
    if not may_go(row.state, move_.to):
        raise ValueError(f"generation {row.id} cannot go from {row.state} to {move_.to}")
    moved = await connection.fetchval(
        sql("generation_move"),
        row.id,
        row.state,
        move_.to,
        move_.wait,
        move_.deadline,
        move_.steps,
        move_.task_id,
        move_.result_url,
        move_.cost,
        move_.failure,
        move_.detail,
    )
    return moved is not None


async def lose(connection: Connection, row: Generation, task_id: str | None, seconds: float) -> State | None:
    """Make an order unknown, or submitted if its task is known and no other's; None when it has its answer."""
    now: State | None = await connection.fetchval(sql("generation_lose"), row.id, seconds, task_id)
    return now


async def is_on_its_way(connection: Connection, row: Generation) -> bool:
    """Whether the outbox still has something of it to send."""
    found: bool = await connection.fetchval(sql("generation_on_its_way"), row.id, row.chat_id)
    return found


async def defer(connection: Connection, row: Generation, seconds: float, steps: int) -> None:
    """Take the same step again later; `steps` counts the tries that failed in a row."""
    await connection.execute(sql("generation_defer"), row.id, row.state, seconds, steps)


async def uploaded(connection: Connection, row: Generation, uploads: Mapping[str, str], missing: int) -> None:
    """Keep where the user's files are, and how many are still to be uploaded."""
    await connection.execute(sql("generation_uploaded"), row.id, json.dumps(dict(uploads)), missing)


def dump(inputs: Mapping[str, Value]) -> str:
    """Return inputs as the database keeps them: ASCII, decimals as exact text, a list for files and for nothing else."""
    return json.dumps({name: _dumped(value) for name, value in inputs.items()}, ensure_ascii=True)


def load(text: str) -> dict[str, Value]:
    """Return inputs as they were given to `dump`."""
    return {name: _loaded(each) for name, each in json.loads(text).items()}


def _dumped(value: Value) -> object:
    if isinstance(value, tuple):
        return [{"file": {name: told for name, told in asdict(file).items() if told is not None}} for file in value]
    return {"decimal": str(value)} if isinstance(value, Decimal) else value


def _loaded(each: Any) -> Value:
    if isinstance(each, list):
        return tuple(File(**file["file"]) for file in each)
    value: Value = Decimal(each["decimal"]) if isinstance(each, dict) else each
    return value


def _generation(row: Any) -> Generation:
    return Generation(
        id=row["id"],
        user_id=row["user_id"],
        chat_id=row["chat_id"],
        language=row["language"],
        model_id=row["model_id"],
        inputs=load(row["inputs"]),
        price=row["price"],
        state=row["state"],
        hold_id=row["hold_id"],
        task_id=row["task_id"],
        callback_token=row["callback_token"],
        result_url=row["result_url"],
        failure=row["failure_class"],
        detail=row["failure_text"] or "",
        uploads=json.loads(row["uploads"] or "{}"),
        status_outbox_id=row["status_outbox_id"],
        steps=row["steps"],
        age=row["age"],
        is_overdue=row["is_overdue"],
        late=row["late"],
        is_too_late=row["is_too_late"],
        settled_age=row["settled_age"],
        traceparent=row["traceparent"],
    )
