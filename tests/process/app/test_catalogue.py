"""The whole catalogue through the chat of one real program: the right medium comes, and the price is the one that was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
import asyncpg
import pytest

from bot.catalogue import Model, load
from bot.sandbox import loopback
from bot.sandbox.client import Client
from bot.sandbox.clip import clip
from bot.sandbox.melody import melody
from bot.sandbox.picture import draw
from bot.sandbox.results import HEARD
from tests.process.app.conftest import Launch
from tests.process.app.customer import KINDS, Customer, Message
from tests.process.app.fleet import Instance, Sandbox, until_async
from tests.process.app.test_cli import vigil
from tests.process.app.test_kill import connected

CATALOGUE = load()
SEVERAL = {"openai/4o-image": {"nVariants": "2 · "}}
"""What is changed before it is confirmed, by how its button begins."""
SONGS = 2
"""Suno makes two of everything."""
SAMPLE = (
    "z-image",
    "openai/4o-image",
    "flux/kontext",
    "google/nano-banana-edit",
    "ideogram/v3-edit",
    "recraft/crisp-upscale",
    "runway/gen-4",
    "veo3_fast",
    "kling-2.6/image-to-video",
    "wan/2-2-animate-move",
    "infinitalk/from-audio",
    "suno/v5",
    "elevenlabs/text-to-speech-turbo-2-5",
    "elevenlabs/speech-to-text",
)
"""Each family, each medium that is asked for and that comes, each unit that is paid by, except per megapixel."""
SETTLED = "SELECT user_id, model_id, state, price, task_id FROM generation"
HAS = "SELECT name, balance FROM ledger_account WHERE user_id = $1"
OPEN = (
    "SELECT (SELECT count(*) FROM outbox WHERE state IN ('ready', 'sending'))"
    " + (SELECT count(*) FROM inbox WHERE state IN ('ready', 'claimed'))"
    " + (SELECT count(*) FROM ledger_hold WHERE state = 'held')"
    " + (SELECT count(*) FROM generation WHERE state <> 'charged')"
)
WELCOME = 1000
FIRST_CHAT = 5000


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    """The people's side of a sandbox that works at once, and as fast as the real provider lets anyone order."""
    sandbox.set_faults(provider_latency="0.1", provider_rate_limit="20")
    async with loopback.client(90) as http:
        yield Client(sandbox.url(""), http)


@pytest.fixture
def active(launch: Launch) -> Instance:
    """One program that gives newcomers enough for anything."""
    instance = launch(WELCOME_CREDITS=str(WELCOME), LOCK_PROFILE="standard")
    instance.wait_role("ACTIVE")
    return instance


@pytest.mark.timeout(120)
async def test_a_model_of_each_family_and_medium_brings_what_it_promises_for_what_it_said(
    home: Path, client: Client, active: Instance, database_url: str
) -> None:
    """From /models to the result, in both languages: the quote is the charge, and no less than the provider's."""
    await ordered(client, [CATALOGUE.models[model_id] for model_id in SAMPLE], database_url)
    await books_are_right(home, database_url, active)


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_every_model_on_sale_brings_what_it_promises_for_what_it_said(
    home: Path, client: Client, active: Instance, database_url: str
) -> None:
    """The same for the whole catalogue, all at once, against the provider's own limit of orders."""
    await ordered(client, list(CATALOGUE.models.values()), database_url)
    await books_are_right(home, database_url, active)


async def ordered(client: Client, models: Sequence[Model], database_url: str) -> None:
    """Let a customer order each model; every order is right, and what it moved is what was told."""
    files = {
        "image": ("fox.jpg", draw("a fox", "1:1")),
        "audio": ("voice.mp3", melody("x")),
        "video": ("x.mp4", clip("x")),
    }
    customers = {
        model.id: Customer(client, FIRST_CHAT + number, ("en", "ru")[number % 2], files)
        for number, model in enumerate(models)
    }
    quotes: dict[str, str] = {}

    async def buy(model: Model) -> None:
        changes = SEVERAL.get(model.id, {})
        quotes[model.id], brought = await customers[model.id].order(model, **changes)
        check_medium(model, brought)

    async with anyio.create_task_group() as group:
        for model in models:
            group.start_soon(buy, model)
    tasks = {task["id"]: task for task in await client.tasks()}
    async with connected(database_url) as connection:
        await until_async(lambda: _nothing_is_open(connection), "nothing is left open")
        rows = {row["model_id"]: row for row in await connection.fetch(SETTLED)}
        assert sorted(rows) == sorted(customers)
        assert len(tasks) == len(models)
        for model_id, row in rows.items():
            task, phrases = tasks[row["task_id"]], customers[model_id].phrases
            assert phrases.credits(row["price"]) in quotes[model_id], model_id
            assert dict(await connection.fetch(HAS, row["user_id"])) == {
                "available": WELCOME * 1000 - row["price"],
                "held": 0,
            }, model_id
            assert (row["state"], task["state"]) == ("charged", "success"), model_id
            assert 0 < task["credits"] * 1000 <= row["price"], model_id


def check_medium(model: Model, brought: Sequence[Message]) -> None:
    """See that what came is what the model makes, and as many as were asked for."""
    kinds = Counter(message["kind"] for message in brought)
    expected = int(SEVERAL[model.id]["nVariants"][0]) if model.id in SEVERAL else SONGS if model.family == "suno" else 1
    assert kinds == {KINDS[model.result]: expected}, model.id
    if model.result == "text":
        assert any(words in brought[0]["text"] for words in HEARD), model.id
    else:
        assert all(Path(message["file"]).stat().st_size for message in brought), model.id


async def books_are_right(home: Path, database_url: str, instance: Instance) -> None:
    """See that the ledger's own check agrees, and that the program ends in peace."""
    checked = await anyio.to_thread.run_sync(lambda: vigil(home, "ledger", "check", DATABASE_URL=database_url))
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    instance.signal_term()
    assert await anyio.to_thread.run_sync(instance.wait) == 0
    assert '"level":"ERROR"' not in instance.output()


async def _nothing_is_open(connection: asyncpg.Connection) -> bool:
    return not await connection.fetchval(OPEN)
