"""Generations on a real database against a real provider over HTTP: each ending, and what the user reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot import accounts
from bot.accounts import Balance
from bot.sandbox.testing import until
from telemetry import events, testing
from tests.integration.bot.generation.orders import GIFT, order

if TYPE_CHECKING:
    from tests.integration.bot.conftest import House

CHAT = 501
FULL = Balance(20_000, 0)


async def _balance(house: House, user: int = CHAT) -> Balance:
    async with house.bank.reading() as connection:
        return await accounts.balance(connection, user)


async def _text(house: House) -> str:
    """Return what the progress message says now."""
    texts = [message["text"] for message in await house.messages(CHAT) if message["kind"] == "text"]
    return str(texts[-1])


async def _shows(house: House, words: str) -> None:
    async def is_shown() -> bool:
        return words in await _text(house)

    await until(is_shown, f"the message says {words!r}")


async def _confirm(house: House) -> None:
    await house.write("a red fox in snow", CHAT)
    await house.press("Generate", CHAT)


async def _hasten(house: House, state: str) -> None:
    """Let the time pass that the generation waits for in this state, deadlines too."""
    await house.bank.write("UPDATE generation SET next_step_at = now(), deadline_at = now() WHERE state = $1", state)


async def test_words_become_a_picture_and_one_charge(house: House) -> None:
    """The whole path: words, confirmation, picture, charge; the cost is noted, the file is not kept."""
    with testing.record() as recorded:
        async with house.open():
            await _confirm(house)
            await house.reaches("charged", CHAT)
            await _shows(house, "Done, 0.8 credits charged. You have 19.2 credits left.")
    photos = [message for message in await house.messages(CHAT) if message["kind"] == "photo"]
    assert [photo["text"] for photo in photos] == ["Z-Image · 1:1"]
    assert await _balance(house) == Balance(19_200, 0)
    assert await house.bank.value("SELECT cost FROM generation") == 4_000
    assert list((house.home / "results").iterdir()) == []
    steps = [name.removeprefix("generations.") for name in recorded.names() if name.startswith("generations.")]
    wanted = ["recovered", "quoted", "held", "submitted", "succeeded", "delivered", "charged"]
    assert [step for step in steps if step != "provider_answered"] == wanted


@pytest.mark.parametrize(
    ("faults", "failure", "words"),
    [
        ({"provider_refuse": 422}, "user", "did not accept this request"),
        ({"provider_refuse": 401}, "ours", "That is our fault"),
        ({"provider_refuse": 402}, "ours", "That is our fault"),
        ({"provider_refuse": 505}, "ours", "That is our fault"),
        ({"provider_http": 403}, "ours", "That is our fault"),
        ({"provider_refuse": 455}, "transient", "could not finish this one"),
        ({"provider_refuse": 500}, "transient", "could not finish this one"),
        ({"provider_fail": 501}, "moderation", "safety filter"),
        ({"provider_fail": 422}, "user", "did not accept this request"),
        ({"provider_fail": 500}, "transient", "could not finish this one"),
    ],
    ids=str,
)
async def test_a_failure_is_told_and_costs_nothing(
    house: House, faults: dict[str, Any], failure: str, words: str
) -> None:
    """Whoever is at fault: the reason in plain words, the credits back, at most one task at the provider."""
    await house.sandbox.set_faults(**faults)
    async with house.open():
        await _confirm(house)
        await house.reaches("released", CHAT)
        await _shows(house, words)
    assert "Nothing was charged. You have 20 credits." in await _text(house)
    assert await house.bank.value("SELECT failure_class FROM generation") == failure
    assert await _balance(house) == FULL
    assert len(await house.sandbox.tasks()) <= 1


async def test_a_provider_that_cannot_be_reached_is_tried_for_a_while(house: House) -> None:
    """Nothing was sent, so the same row is submitted again; in the end the user hears it and pays nothing."""
    house.settings["kie_api_url"] = "http://127.0.0.1:1"
    with testing.record() as recorded:
        async with house.open():
            await _confirm(house)
            await house.reaches("released", CHAT)
    codes = [event.code for event in recorded.all(events.ProviderAnswered) if event.operation == "create"]
    assert codes == ["unreachable"] * 6
    assert await _balance(house) == FULL


async def test_a_rejected_order_waits_a_window_and_is_the_same_order(house: House) -> None:
    """429: not queued, not charged; the same row goes again."""
    await house.sandbox.set_faults(provider_refuse="429*1")
    with testing.record() as recorded:
        async with house.open():
            await _confirm(house)
            await recorded.next(events.ProviderTroubled)
            await house.reaches("held", CHAT)
            wait = await house.bank.value(
                "SELECT extract(epoch FROM next_step_at - now())::float8 FROM generation WHERE state = 'held'"
            )
            assert 8 < wait <= 10
            await house.bank.write("UPDATE generation SET next_step_at = now()")
            await house.reaches("charged", CHAT)
    assert len(await house.sandbox.tasks()) == 1
    assert await _balance(house) == Balance(19_200, 0)


async def test_an_order_without_an_answer_is_never_given_again(house: House) -> None:
    """A timeout after acceptance: unknown, created exactly once, released at the deadline, a late success not charged."""
    await house.sandbox.set_faults(provider_lose_reply=0)
    async with house.open():
        await _confirm(house)
        await house.reaches("unknown", CHAT)
        await house.bank.write("UPDATE generation SET shown_at = NULL")
        assert await _balance(house) == Balance(19_200, 800)
    await house.bank.begin()
    async with house.open():
        assert await house.state(CHAT) == "unknown"
        await _hasten(house, "unknown")
        await house.reaches("released", CHAT)
        await _shows(house, "did not come in time")
    assert len(await house.sandbox.tasks()) == 1
    assert await _balance(house) == FULL


async def test_a_callback_finds_the_task_of_an_order_without_an_answer(house: House) -> None:
    """The token in the callback's address is the generation's own, so its task is found, looked at, and charged."""
    await house.sandbox.set_faults(provider_lose_reply=0, provider_latency=0.3)
    house.hears_callbacks = True
    async with house.open():
        await _confirm(house)
        await house.reaches("charged", CHAT)
    assert len(house.callbacks) == 1
    assert len(await house.sandbox.tasks()) == 1
    assert await _balance(house) == Balance(19_200, 0)


async def test_a_callback_of_a_settled_generation_changes_nothing(house: House) -> None:
    """M8: what comes after the release is not charged; what comes twice is charged once."""
    async with house.open():
        await _confirm(house)
        await house.reaches("charged", CHAT)

        async def has_come() -> bool:
            return bool(house.callbacks)

        await until(has_come, "the callback comes")
        for _ in range(2):
            await house.handle("kie", house.callbacks[0])
        await house.sandbox.set_faults(provider_refuse=500)
        await _confirm(house)
        await house.reaches("released", CHAT)
        await house.handle("kie", house.callbacks[0])
    assert await _balance(house) == Balance(19_200, 0)


async def test_a_task_without_a_result_by_the_deadline_is_given_up(house: House) -> None:
    """A stuck task: told, released, and its late success brings neither a charge nor a task."""
    await house.sandbox.set_faults(provider_stuck="on")
    async with house.open(luck=0.0):
        await _confirm(house)
        await house.reaches("submitted", CHAT)
        await _hasten(house, "submitted")
        await house.reaches("released", CHAT)
        await _shows(house, "took too long")
        await house.sandbox.set_faults(provider_stuck=None)
    assert await house.bank.value("SELECT failure_class FROM generation") == "timeout"
    assert await _balance(house) == FULL


async def test_a_picture_that_telegram_refuses_costs_nothing(house: House) -> None:
    """A user who blocked the bot meanwhile is not charged for what never arrived."""
    await house.sandbox.set_faults(telegram_blocked="on", telegram_only="sendPhoto")
    async with house.open():
        await _confirm(house)
        await house.reaches("released", CHAT)
    assert await house.bank.value("SELECT failure_class FROM generation") == "undeliverable"
    assert await house.bank.value("SELECT unreachable_at IS NOT NULL FROM users")
    assert await _balance(house) == FULL


async def test_a_result_that_is_missing_here_is_fetched_again(house: House) -> None:
    """Another machine's ACTIVE fetched it: its successor fetches it for itself, and delivers."""
    async with house.open("telegram", "outbox"):
        await _confirm(house)
    async with house.open("generations"):
        await house.reaches("succeeded", CHAT)
    number = await house.bank.value("SELECT id FROM generation")
    (house.home / "results" / f"{number}.0").unlink()
    await house.bank.begin()
    async with house.open():
        await house.reaches("charged", CHAT)
    assert sum(message["kind"] == "photo" for message in await house.messages(CHAT)) == 1


async def test_a_result_that_is_gone_for_good_is_released(house: House) -> None:
    """Neither here nor at the provider: told, and given back."""
    async with house.open("telegram", "outbox"):
        await _confirm(house)
    async with house.open("generations"):
        await house.reaches("succeeded", CHAT)
    await house.bank.write("UPDATE generation_result SET url = 'https://127.0.0.1/x'")
    number = await house.bank.value("SELECT id FROM generation")
    (house.home / "results" / f"{number}.0").unlink()
    async with house.open():
        await house.reaches("released", CHAT)
    assert await _balance(house) == FULL


async def test_a_provider_s_answer_survives_a_lost_database(house: House) -> None:
    """The task's id is only in memory while the database is away: it is noted when the database is back."""
    async with house.open("telegram", "outbox"):
        await _confirm(house)
    house.bank.lose_after = "submitting"
    with testing.record() as recorded:
        async with house.open():
            await house.reaches("charged", CHAT)
    assert house.bank.lost_times == 3
    assert recorded.all(events.GenerationsStalled)
    assert len(await house.sandbox.tasks()) == 1


async def test_one_poisoned_generation_stops_no_other(house: House) -> None:
    """What nobody foresaw is told with its id and waits; the others go on."""
    async with house.open("telegram", "outbox"):
        await _confirm(house)
        await house.write("a lighthouse at dawn", CHAT + 1)
        await house.press("Generate", CHAT + 1)
    await house.bank.write("UPDATE generation SET inputs = '[]' WHERE user_id = $1", CHAT)
    with testing.record() as recorded:
        async with house.open():
            await house.reaches("charged", CHAT + 1)
    failed = recorded.all(events.GenerationStepFailed)
    assert len(failed) == 1
    assert await house.bank.value(
        "SELECT next_step_at > now() + interval '20 s' FROM generation WHERE user_id = $1", CHAT
    )


async def test_a_withdrawn_model_is_our_fault(house: House) -> None:
    """A confirmed generation whose model left the catalogue is given back."""
    async with house.open("telegram", "outbox"):
        await _confirm(house)
    async with house.bank.of(house.bank.term) as connection:
        await connection.execute("ALTER TABLE generation DISABLE TRIGGER b_step")
        await connection.execute("UPDATE generation SET model_id = 'gone'")
        await connection.execute("ALTER TABLE generation ENABLE TRIGGER b_step")
    async with house.open():
        await house.reaches("released", CHAT)
    assert await house.bank.value("SELECT failure_class FROM generation") == "ours"


async def test_a_free_generation_has_no_hold(house: House) -> None:
    """A price of zero moves no credits and goes the same way."""
    async with house.open():
        await house.write("/start", CHAT)
        await order(house, CHAT, "z-image", is_free=True, prompt="a red fox", aspect_ratio="1:1")
        await house.reaches("charged", CHAT)
    assert await _balance(house) == Balance(FULL.available + GIFT, 0)


async def test_the_progress_message_is_not_edited_more_often_than_is_kind(house: House) -> None:
    """Queued, and a moment later drawing: the second waits for its time, the last one does not."""
    await house.sandbox.set_faults(provider_stuck="on")
    async with house.open():
        await _confirm(house)
        await house.reaches("submitted", CHAT)
        await _shows(house, "In the queue")
        await house.bank.write("UPDATE generation SET shown_at = shown_at - interval '3 s'")
        await _shows(house, "is drawing")
        await house.sandbox.set_faults(provider_stuck=None)
        await _shows(house, "Done")
    edits = await house.sandbox.calls("editMessageText")
    assert len(edits) == 3


async def test_while_a_result_does_not_come_nobody_is_told_of_a_queue(house: House) -> None:
    """The task is done and its address leads nowhere yet: the message goes on all the same."""
    await house.sandbox.set_faults(provider_dead_url="on")

    async def has_failed() -> bool:
        return bool(await house.bank.value("SELECT steps > 0 FROM generation WHERE state = 'submitted'"))

    async def has_gone_on() -> bool:
        return bool(await house.bank.value("SELECT shown = 'drawing' AND steps > 0 FROM generation"))

    async with house.open():
        await _confirm(house)
        await until(has_failed, "the result could not be fetched")
        await house.bank.write("UPDATE generation SET shown = 'queued', shown_at = now() - interval '3 s'")
        await until(has_gone_on, "the message has left the queue")


async def test_many_generations_keep_the_provider_s_pace(house: House) -> None:
    """Thirty confirmed at once: no more than twenty orders in ten seconds, oldest first."""
    async with house.open("telegram", "outbox"):
        await house.write("/start", CHAT)
    async with house.bank.of(house.bank.term) as connection:
        await connection.execute(
            """INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price)
               SELECT $1, $1, 'chat:' || $1::bigint, 'z-image', '{"prompt": "fox", "aspect_ratio": "1:1"}', 0
                 FROM generate_series(1, 30)""",
            CHAT,
        )
        await connection.execute(
            "UPDATE generation SET state = 'held', next_step_at = now() - interval '1 s' * (31 - id), "
            "deadline_at = now() + interval '60 s'"
        )
    async with house.open("generations"):

        async def have_gone(number: int) -> bool:
            gone = await house.bank.value("SELECT count(*) FROM generation WHERE state <> 'held'")
            return int(gone) >= number

        await until(lambda: have_gone(20), "twenty orders are given")
        with pytest.raises(TimeoutError):
            await until(lambda: have_gone(21), "one more is given", 2)
    waiting = await house.bank.value("SELECT array_agg(id ORDER BY id) FROM generation WHERE state = 'held'")
    assert len(await house.sandbox.tasks()) == 20
    assert waiting == list(range(21, 31))
