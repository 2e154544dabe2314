"""Every medium, from the user's files to what arrives: real files, over HTTP, both ways."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import SecretStr

from bot import accounts
from bot.accounts import Balance
from bot.catalogue import File
from bot.generation import dispatch, parcels, pieces, results, store, userfiles, worker
from bot.providers import kie
from bot.providers.call import Line
from bot.providers.uploads import Uploads
from bot.sandbox.testing import until
from telemetry import events, testing
from tests.integration.bot.generation.orders import order, picture, send_picture, send_sound

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

CHAT = 801
TOKEN = "7000000001:test"
MEDIA = [
    ("elevenlabs/text-to-speech-turbo-2-5", {"text": "Good evening."}, ["audio"]),
    ("V4", {"prompt": "a slow waltz"}, ["audio", "audio"]),
    ("kling-2.6/text-to-video", {"prompt": "a fox runs"}, ["video"]),
    ("openai/4o-image", {"prompt": "a fox", "nVariants": "4"}, ["photo"] * 4),
]


async def _sent(house: House, *kinds: str) -> list[dict[str, Any]]:
    """Return what the bot has sent of these kinds; of every kind but plain messages without any."""
    found = [message for message in await house.messages(CHAT) if message["from_bot"]]
    return [message for message in found if (message["kind"] in kinds if kinds else message["kind"] != "text")]


async def _balance(house: House) -> Balance:
    async with house.bank.reading() as connection:
        return await accounts.balance(connection, CHAT)


async def _shows(house: House, words: str) -> None:
    async def is_shown() -> bool:
        return any(words in message["text"] for message in await _sent(house, "text"))

    await until(is_shown, f"a message says {words!r}")


@pytest.mark.parametrize(("model_id", "inputs", "kinds"), MEDIA, ids=[model_id for model_id, _, _ in MEDIA])
async def test_each_medium_arrives_as_what_it_is_and_is_charged_once(
    house: House, model_id: str, inputs: dict[str, Any], kinds: list[str]
) -> None:
    """Sound as sound, a video as a video, several as one album; Telegram's ids are kept, nothing stays on the disk."""
    async with house.open():
        await house.write("/start", CHAT)
        made = await order(house, CHAT, model_id, **inputs)
        await house.reaches("charged", CHAT)
    sent = await _sent(house)
    assert [message["kind"] for message in sent] == kinds
    title = house.catalogue.models[model_id].title.en
    assert [title in message["text"] for message in sent] == [True] + [False] * (len(kinds) - 1)
    kept = "SELECT array_agg(file_id IS NOT NULL AND sent_as = $2) FROM generation_result WHERE generation_id = $1"
    assert await house.bank.value(kept, made, kinds[0]) == [True] * len(kinds)
    assert list((house.home / "results").iterdir()) == []
    assert (await _balance(house)).held == 0


async def test_a_transcript_arrives_as_a_message_and_a_long_one_as_a_document(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text is what was made: it is delivered as words, and charged."""
    async with house.open():
        await house.write("/start", CHAT)
        sound = await send_sound(house, CHAT)
        await order(house, CHAT, "elevenlabs/speech-to-text", audio_url=(sound,))
        await house.reaches("charged", CHAT)
        text = await house.bank.value("SELECT content FROM generation_result")
        await _shows(house, text)
        monkeypatch.setattr(parcels, "MESSAGE_CHARACTERS", 3)
        await order(house, CHAT, "elevenlabs/speech-to-text", audio_url=(sound,))
        await house.reaches("charged", CHAT)
    (document,) = await _sent(house)
    assert document["message"]["document"]["file_name"].endswith(".txt")


async def test_users_files_are_uploaded_before_the_order_and_the_token_is_told_to_nobody(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """The provider reads copies of its own: Telegram's address, which holds the token, is in no order, row or log."""
    caplog.set_level("DEBUG")
    async with house.open():
        await house.write("/start", CHAT)
        first, second = await send_picture(house, CHAT), await send_picture(house, CHAT, color="blue")
        await order(house, CHAT, "google/nano-banana-edit", prompt="swap them", image_urls=(first, second, first))
        await house.reaches("charged", CHAT)
    (task,) = await house.sandbox.tasks()
    addresses = json.loads(task["param"])["input"]["image_urls"]
    assert len(addresses) == 3
    assert addresses[0] == addresses[2] != addresses[1]
    assert all(address.startswith(f"{house.sandbox.address}/kie/uploads/") for address in addresses)
    for address, color in zip(addresses, ["red", "blue"], strict=False):
        assert (await house.sandbox.http.get(address)).content == picture(color)
    async with house.bank.reading() as connection:
        tables = [row[0] for row in await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'r'")]
        for table in tables:
            if not table.startswith(("pg_", "sql_")):
                rows = await connection.fetch(f"SELECT to_json(t)::text FROM {table} AS t")  # noqa: S608 - its own name
                assert TOKEN not in "".join(row[0] for row in rows), table
    assert TOKEN not in json.dumps(await house.sandbox.tasks())
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("bot", "supervisor"))]
    assert TOKEN not in "".join(ours)
    assert list((house.home / "files").iterdir()) == []
    assert await house.bank.value("SELECT uploads IS NULL FROM generation")


async def test_a_file_that_is_on_its_way_already_is_not_uploaded_again(house: House) -> None:
    """Its address is in the row: whoever goes on uploads what is missing, and no more."""
    async with house.open("telegram", "outbox"):
        await house.write("/start", CHAT)
        first, second = await send_picture(house, CHAT), await send_picture(house, CHAT, color="blue")
        await order(house, CHAT, "google/nano-banana-edit", prompt="swap them", image_urls=(first, second))
    async with kie.client(f"{house.sandbox.address}/kie", SecretStr("key")) as http:
        known = await Uploads(Line(http)).upload("known.png", "image/png", picture("red"))
    await house.bank.write(
        "UPDATE generation SET missing = 1, uploads = json_build_object($1::text, $2::text)", first.file_id, known
    )
    with testing.record() as recorded:
        async with house.open():
            await house.reaches("charged", CHAT)
    assert [event.operation for event in recorded.all(events.ProviderAnswered)].count("upload") == 1
    (task,) = await house.sandbox.tasks()
    assert json.loads(task["param"])["input"]["image_urls"][0] == known


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"telegram_file_lost": "on"}, "does not have the file you sent"),
        ({"telegram_download_limit": 10}, "too large"),
        ({"provider_upload_http": 500}, "could not finish this one"),
    ],
    ids=["gone", "too large", "upload fails"],
)
async def test_a_file_that_cannot_be_brought_over_is_told_and_costs_nothing(
    house: House, faults: dict[str, Any], words: str
) -> None:
    """Before any task: the credits come back, and the words say what to do."""
    async with house.open():
        await house.write("/start", CHAT)
        file = await send_picture(house, CHAT)
        await house.sandbox.set_faults(**faults)
        await order(house, CHAT, "google/nano-banana-edit", prompt="swap them", image_urls=(file,))
        await house.reaches("released", CHAT)
        await _shows(house, words)
        await _shows(house, "Nothing was charged")
    assert await house.sandbox.tasks() == []
    assert (await _balance(house)).held == 0


async def test_a_file_that_is_something_else_is_refused(house: House) -> None:
    """What it is is told by how it begins, not by what it was called."""
    async with house.open():
        await house.write("/start", CHAT)
        sound = await send_sound(house, CHAT)
        fake = File(sound.file_id, "image", size=sound.size, mime="image/png")
        await order(house, CHAT, "google/nano-banana-edit", prompt="swap them", image_urls=(fake,))
        await house.reaches("released", CHAT)
        await _shows(house, "is not what its name says")
    assert await house.sandbox.tasks() == []


async def test_a_download_that_is_longer_than_told_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Telegram told of its size."""
    monkeypatch.setattr(userfiles, "FETCHABLE_BYTES", 60)
    async with house.open():
        await house.write("/start", CHAT)
        file = await send_picture(house, CHAT)
        told = File(file.file_id, "image", mime="image/png")
        await order(house, CHAT, "google/nano-banana-edit", prompt="swap them", image_urls=(told,))
        await house.reaches("released", CHAT)
    detail = await house.bank.value("SELECT failure_text FROM generation")
    assert detail == "file_too_large image_urls"
    assert list((house.home / "files").iterdir()) == []


@pytest.mark.parametrize("count", [1, 2])
async def test_what_telegram_refuses_as_a_picture_goes_as_a_file(house: House, count: int) -> None:
    """Once more, in another form, an album as well; the file is what is charged."""
    await house.sandbox.set_faults(telegram_refuse_media="photo")
    async with house.open():
        await house.write("/start", CHAT)
        await order(house, CHAT, "openai/4o-image", prompt="a fox", nVariants=str(count))
        await house.reaches("charged", CHAT)
    sent = await _sent(house)
    assert [message["kind"] for message in sent] == ["document"] * count
    assert "4o Image" in "".join(message["text"] for message in sent)
    assert await house.bank.value("SELECT count(*) FROM generation_result WHERE sent_as = 'document'") == count


async def test_what_telegram_takes_in_no_form_costs_nothing(house: House) -> None:
    """Refused as a picture and as a file: told, and given back."""
    await house.sandbox.set_faults(telegram_refuse_media="photo,document")
    async with house.open():
        await house.write("/start", CHAT)
        await order(house, CHAT, "openai/4o-image", prompt="a fox", nVariants="1")
        await house.reaches("released", CHAT)
        await _shows(house, "Telegram would not take it")
    assert await house.bank.value("SELECT failure_class FROM generation") == "undeliverable"
    assert await _sent(house) == []


async def test_what_is_larger_than_telegram_takes_is_a_link(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's own address, for as long as it lasts; that is the delivery."""
    monkeypatch.setattr(results, "SEND_BYTES", 1_000)
    async with house.open():
        await house.write("/start", CHAT)
        await order(house, CHAT, "kling-2.6/text-to-video", prompt="a fox runs")
        await house.reaches("charged", CHAT)
        await _shows(house, f"{house.sandbox.address}/kie/")
    assert await _sent(house) == []
    assert await house.bank.value("SELECT size IS NULL FROM generation_result")


@pytest.mark.parametrize("count", [1, 2])
async def test_what_telegram_finds_too_large_is_a_link_at_once(house: House, count: int) -> None:
    """413 is no matter of patience: each result of the call goes as its address, one call each, and is charged."""
    await house.sandbox.set_faults(telegram_upload_limit=10)
    with testing.record() as recorded:
        async with house.open():
            await house.write("/start", CHAT)
            await order(house, CHAT, "openai/4o-image", prompt="a fox", nVariants=str(count))
            await house.reaches("charged", CHAT)
            await _shows(house, f"{house.sandbox.address}/kie/")
    assert await _sent(house) == []
    assert await house.bank.value("SELECT count(*) FROM generation_result WHERE size IS NULL") == count
    links = [message["text"] for message in await _sent(house, "text") if "/kie/" in message["text"]]
    assert len(links) == count
    assert ["4o Image" in text for text in links] == [True] + [False] * (count - 1)
    assert "sendPhoto" not in {event.method for event in recorded.all(events.MessageRetried)}


async def test_what_was_delivered_can_be_sent_again_by_telegrams_own_ids(house: House) -> None:
    """Without the provider, without a file on the disk, and without another charge."""
    async with house.open():
        await house.write("/start", CHAT)
        made = await order(house, CHAT, "openai/4o-image", prompt="a fox", nVariants="2")
        await house.reaches("charged", CHAT)
        before = await _balance(house)
        async with house.bank.transaction() as connection:
            row = await store.get(connection, made)
            assert row is not None
            model = house.catalogue.models[row.model_id]
            await dispatch.again(connection, row, model, await pieces.of(connection, made))
        assert house.services is not None
        house.services.committed()

        async def has_come() -> bool:
            return len(await _sent(house, "photo")) == 4

        await until(has_come, "both pictures come again")
    assert await _balance(house) == before
    assert before.held == 0


async def test_callbacks_of_every_stage_are_hints_and_no_more(house: House) -> None:
    """A family that calls at each stage, and more than once: looked at, delivered and charged once."""
    house.hears_callbacks = True
    await house.sandbox.set_faults(provider_latency=0.5, provider_duplicate_callback=2)
    async with house.open():
        await house.write("/start", CHAT)
        await order(house, CHAT, "V4", prompt="a slow waltz")
        await house.reaches("charged", CHAT)

        async def have_come() -> bool:
            return len(house.callbacks) >= 3

        await until(have_come, "they have come")
    assert len(await _sent(house, "audio")) == 2
    assert await house.bank.value("SELECT count(*) FROM ledger_transaction WHERE kind = 'charge'") == 1


async def test_many_slow_files_leave_room_for_everybody_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many uploads at a time as are allowed; another's order does not wait for them."""
    monkeypatch.setattr(worker, "UPLOADS_AT_ONCE", 1)
    waiting: list[int] = []

    class Slow(userfiles.UserFiles):
        async def _fetch(self, *_: Any) -> Any:
            waiting.append(1)
            await anyio.sleep_forever()

    monkeypatch.setattr("bot.services.UserFiles", Slow)
    async with house.open("telegram", "outbox"):
        await house.write("/start", CHAT)
        file = await send_picture(house, CHAT)
        for _ in range(3):
            await order(house, CHAT, "google/nano-banana-edit", prompt="swap them", image_urls=(file,))
    async with house.open():
        await order(house, CHAT, "z-image", prompt="a fox", aspect_ratio="1:1")
        await house.reaches("charged", CHAT)
    assert len(waiting) == 1
