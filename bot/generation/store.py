"""The rows of generations: read, and moved one step at a time.

A move names the state it was decided in. When the row has moved on meanwhile, nothing happens and the caller is told:
what was decided for another state is not done in this one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from bot.accounts import Language
from bot.catalogue import Value
from bot.generation.states import State, may_go
from bot.ports import Connection
from bot.providers.base import Failure
from bot.sql import sql

Step = Literal["submit", "look", "end"]
"""What a due generation needs: a call that makes a task, a call that looks at one, or no call at all."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation as its next step needs it; `age` counts from the submission, in seconds."""

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
    status_outbox_id: int | None
    steps: int
    age: float
    is_overdue: bool
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


async def due(
    connection: Connection, *, busy: Iterable[int], submits: int, looks: int, ends: int
) -> list[tuple[int, Step]]:
    """Return what is due, oldest first, at most so many of each."""
    rows = await connection.fetch(sql("generation_due"), list(busy), submits, looks, ends)
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


async def defer(connection: Connection, row: Generation, seconds: float, steps: int) -> None:
    """Take the same step again later; `steps` counts the tries that failed in a row."""
    await connection.execute(sql("generation_defer"), row.id, row.state, seconds, steps)


def dump(inputs: Mapping[str, Value]) -> str:
    """Return inputs as the database keeps them: ASCII, decimals as exact text."""
    return json.dumps({name: _exact(value) for name, value in inputs.items()}, ensure_ascii=True)


def load(text: str) -> dict[str, Value]:
    """Return inputs as they were given to `dump`."""
    return {
        name: Decimal(each["decimal"]) if isinstance(each, dict) else each for name, each in json.loads(text).items()
    }


def _exact(value: Value) -> object:
    return {"decimal": str(value)} if isinstance(value, Decimal) else value


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
        status_outbox_id=row["status_outbox_id"],
        steps=row["steps"],
        age=row["age"],
        is_overdue=row["is_overdue"],
        traceparent=row["traceparent"],
    )
