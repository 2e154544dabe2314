"""Generations of any model, confirmed without the chat; and files that people have sent."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

from PIL import Image

from bot import accounts, pricing
from bot.catalogue import File, check
from bot.effects import Effects
from bot.generation import cadence, store
from bot.sandbox.testing import until
from bot.sql import sql

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

GIFT = 2_000_000
LATE_DUE = "UPDATE generation_late SET next_look_at = now() WHERE state = 'awaited'"


def picture(color: str = "red", side: int = 64) -> bytes:
    """Return a small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), color).save(buffer, "PNG")
    return buffer.getvalue()


async def send_picture(house: House, chat: int, name: str = "cat.png", color: str = "red") -> File:
    """Let a person send a picture as a file; return it as Telegram names it."""
    (message,) = await house.sandbox.attach([(name, picture(color))], chat, kind="document")
    told = message["message"]["document"]
    return File(told["file_id"], "image", size=told["file_size"], mime=told["mime_type"])


async def send_sound(house: House, chat: int, seconds: int = 3) -> File:
    """Let a person send a sound; return it as Telegram names it."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(8000 * seconds))
    (message,) = await house.sandbox.attach([("talk.wav", buffer.getvalue())], chat, kind="document")
    told = message["message"]["document"]
    return File(told["file_id"], "audio", size=told["file_size"], mime="audio/wav", seconds=seconds)


async def order(house: House, chat: int, model_id: str, *, is_free: bool = False, **inputs: Any) -> int:
    """Have a generation of these inputs quoted, held and confirmed; return its id."""
    model = house.catalogue.models[model_id]
    checked = check(model, inputs)
    price = 0 if is_free else pricing.price(model, checked)
    async with house.bank.transaction() as connection:
        await accounts.ensure(connection, chat, "en", 0)
        await accounts.grant(connection, chat, GIFT, chat)
        made = await store.quote(
            connection, user_id=chat, chat_id=chat, model_id=model_id, inputs=checked, price=price, traceparent=None
        )
        status = await Effects(connection).send_text(chat, "A quote", generation_id=made)
        await connection.execute(sql("generation_announce"), made, status)
        seconds = cadence.hold_seconds(model.slo)
        hold = await accounts.hold(connection, chat, price, made, seconds=seconds) if price else None
        await connection.execute(sql("generation_confirm"), made, hold, cadence.QUEUE_SECONDS)
    if house.services is not None:
        house.services.committed()
    return made


async def finish(house: House, **faults: str) -> None:
    """Let the task come to its end at the provider."""
    await house.sandbox.set_faults(provider_stuck=None, **faults)

    async def is_done() -> bool:
        return all(task["state"] in {"success", "fail"} for task in await house.sandbox.tasks())

    await until(is_done, "the task is done")


async def looked(house: House, state: str) -> None:
    """Have it looked for until it is in this state: a look that was under way may know nothing of the end yet."""

    async def is_there() -> bool:
        await house.bank.write(LATE_DUE)
        return bool(await house.bank.value("SELECT state = $1 FROM generation_late", state))

    await until(is_there, f"the late result is {state}")
