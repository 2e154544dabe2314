"""Every family of the provider: what is sent, what comes back, and what each failure is told as."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from bot.providers import base, call, kie, suno
from bot.providers.base import Failed, Order, Pending, ProviderError, Succeeded
from bot.sandbox.clip import clip
from bot.sandbox.provider_faults import CODES, MALFORMED
from tests.contract.bot.providers.conftest import KEY, ORDERS

if TYPE_CHECKING:
    from tests.contract.bot.providers.conftest import Desk

FAMILIES: Final = tuple(ORDERS)
RESULTS: Final = {
    "market": (1, b"\xff\xd8\xff"),
    "veo": (1, b"\x00\x00\x00 ftyp"),
    "suno": (2, b"\xff\xf3"),
    "runway": (1, b"\x00\x00\x00 ftyp"),
    "gpt4o": (2, b"\xff\xd8\xff"),
    "kontext": (1, b"\xff\xd8\xff"),
}
"""How many results an order of each family brings, and how they begin."""

every_family: Final = pytest.mark.parametrize("family", FAMILIES)


async def _refusal(desk: Desk, family: str) -> ProviderError:
    """Return what a refused order raises."""
    with pytest.raises(ProviderError) as told:
        await desk.families[family].create(ORDERS[family])
    return told.value


@every_family
async def test_an_order_ends_in_results_that_can_be_fetched(desk: Desk, family: str) -> None:
    """As many as were asked for, of the medium that was asked for; the market says what it took."""
    found = await desk.made(family)
    assert isinstance(found, Succeeded)
    count, begins = RESULTS[family]
    bodies = [(await desk.http.get(url)).content for url in found.urls]
    assert len(set(bodies)) == count
    assert all(body.startswith(begins) for body in bodies)
    assert (found.text, found.credits is None) == (None, family != "market")


@every_family
async def test_a_task_under_way_is_pending(desk: Desk, family: str) -> None:
    """In each of its states, until it ends."""
    await desk.sandbox.set_faults(provider_stuck="on")
    provider = desk.families[family]
    task_id = await provider.create(ORDERS[family])
    assert await provider.poll(task_id) == Pending()
    await desk.sandbox.set_faults(provider_stuck=None)
    assert isinstance(await desk.ended(family, task_id), Succeeded)


@every_family
@pytest.mark.parametrize(("code", "failure"), [(501, "moderation"), (422, "user"), (500, "transient"), (402, "ours")])
async def test_a_failed_task_says_whose_failure_it_is(desk: Desk, family: str, code: int, failure: str) -> None:
    """The safety filter's, the input's, the provider's or the operator's."""
    await desk.sandbox.set_faults(provider_fail=code)
    found = await desk.made(family)
    assert isinstance(found, Failed)
    assert found.failure == failure


@every_family
async def test_each_code_of_a_refusal_has_its_class_and_makes_no_task(desk: Desk, family: str) -> None:
    """The table of codes holds for every family."""
    for code in CODES:
        await desk.sandbox.set_faults(provider_refuse=f"{code}*1")
        told = await _refusal(desk, family)
        assert (type(told), told.code) == (call.CODES[code], str(code))
    assert await desk.count() == 0


@every_family
async def test_moderation_at_once_is_told_as_such(desk: Desk, family: str) -> None:
    """The words of the safety filter, whatever the code."""
    await desk.sandbox.set_faults(provider_moderate="on*1")
    told = await _refusal(desk, family)
    assert (type(told), told.failure) == (base.InputRefused, "moderation")


@every_family
async def test_a_broken_server_leaves_it_open_whether_a_task_was_made(desk: Desk, family: str) -> None:
    """A 5xx before acceptance and after it look the same."""
    await desk.sandbox.set_faults(provider_http="503*1")
    told = await _refusal(desk, family)
    assert (type(told), await desk.count()) == (base.OutcomeUnknown, 0)
    await desk.sandbox.set_faults(provider_lose_reply="0*1")
    told = await _refusal(desk, family)
    assert (type(told), await desk.count()) == (base.OutcomeUnknown, 1)


@every_family
async def test_an_unreadable_answer_to_an_order_leaves_it_open_too(desk: Desk, family: str) -> None:
    """The task was made each time."""
    kinds = MALFORMED[:-1]
    for kind in kinds:
        await desk.sandbox.set_faults(provider_malformed=f"{kind}*1")
        told = await _refusal(desk, family)
        assert (type(told), told.code) == (base.OutcomeUnknown, "malformed")
    assert await desk.count() == len(kinds)


@every_family
async def test_an_unreadable_record_is_no_end_of_the_task(desk: Desk, family: str) -> None:
    """It can be read the next time."""
    provider = desk.families[family]
    task_id = await provider.create(ORDERS[family])
    assert isinstance(await desk.ended(family, task_id), Succeeded)
    for kind in MALFORMED:
        await desk.sandbox.set_faults(provider_poll_malformed=f"{kind}*1")
        with pytest.raises(base.OutcomeUnknown) as told:
            await provider.poll(task_id)
        assert told.value.code == "malformed"
    assert isinstance(await provider.poll(task_id), Succeeded)


@every_family
async def test_a_look_that_fails_says_nothing_of_the_task(desk: Desk, family: str) -> None:
    """Each code and each status is an error of the look; an unknown task is one as well."""
    provider = desk.families[family]
    task_id = await provider.create(ORDERS[family])
    for code in CODES:
        await desk.sandbox.set_faults(provider_poll_refuse=f"{code}*1")
        with pytest.raises(call.CODES[code]):
            await provider.poll(task_id)
    await desk.sandbox.set_faults(provider_poll_http="502*1")
    with pytest.raises(base.OutcomeUnknown):
        await provider.poll(task_id)
    with pytest.raises(base.Misconfigured):
        await provider.poll("nobody's")


async def test_a_family_does_not_know_another_one_s_tasks(desk: Desk) -> None:
    """The record lies where the task was created."""
    task_id = await desk.families["veo"].create(ORDERS["veo"])
    with pytest.raises(base.Misconfigured):
        await desk.families["market"].poll(task_id)


@every_family
async def test_a_wrong_input_is_refused_naming_it(desk: Desk, family: str) -> None:
    """One that is missing, and one that the model does not know."""
    order = ORDERS[family]
    for inputs, said in (({}, "is required"), ({**order.inputs, "colour": "red"}, "colour is not an input")):
        with pytest.raises(base.InputRefused) as told:
            await desk.families[family].create(Order(order.model_id, inputs))
        assert said in told.value.detail
    assert await desk.count() == 0


async def test_an_answer_that_comes_too_late_leaves_it_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call ends within its time; the task is there all the same."""
    monkeypatch.setattr(call, "WHOLE_CALL_SECONDS", 0.5)
    await desk.sandbox.set_faults(provider_lose_reply="30*1")
    told = await _refusal(desk, "market")
    assert (type(told), told.code) == (base.OutcomeUnknown, "timeout")
    assert await desk.count() == 1


async def test_a_provider_that_does_not_answer_has_seen_nothing() -> None:
    """Nothing listens there."""
    async with kie.client("http://127.0.0.1:1/kie", KEY) as http:
        for family, provider in kie.families(http).items():
            with pytest.raises(base.NotReached):
                await provider.create(ORDERS[family])


async def test_a_wrong_key_is_the_operator_s_business_everywhere(desk: Desk) -> None:
    """Creating, looking, the balance and uploads."""
    await desk.sandbox.set_faults(provider_key_wrong="on")
    for family, provider in desk.families.items():
        for wrong in (provider.create(ORDERS[family]), provider.poll("t")):
            with pytest.raises(base.Misconfigured) as told:
                await wrong
            assert told.value.code == "401"
    with pytest.raises(base.Misconfigured):
        await kie.KieAccount(desk.http).balance()
    with pytest.raises(base.Misconfigured):
        await desk.uploads.upload("a.jpg", "image/jpeg", b"x")


async def test_an_empty_account_refuses_every_order(desk: Desk) -> None:
    """The balance says zero, creating says 402."""
    await desk.sandbox.set_faults(provider_no_credit="on")
    assert await kie.KieAccount(desk.http).balance() == 0
    for family in FAMILIES:
        assert (await _refusal(desk, family)).code == "402"
    assert await desk.count() == 0


async def test_what_a_task_took_leaves_the_account(desk: Desk) -> None:
    """The price depends on the inputs; a failed task costs nothing."""
    account = kie.KieAccount(desk.http)
    before = await account.balance()
    await desk.made("runway", duration=10)
    assert before - await account.balance() == 30
    await desk.sandbox.set_faults(provider_fail="500*1")
    await desk.made("runway")
    assert before - await account.balance() == 30


async def test_what_is_paid_by_the_second_is_measured(desk: Desk) -> None:
    """Three seconds of video at 8 credits each."""
    url = await desk.uploads.upload("clip.mp4", "video/mp4", clip("a fox"))
    market, inputs = desk.families["market"], {"video_url": url, "upscale_factor": "2"}
    found = await desk.ended("market", await market.create(Order("topaz/video-upscale", inputs)))
    assert isinstance(found, Succeeded)
    assert found.credits == 24


async def test_music_is_ordered_without_a_public_address_too(desk: Desk) -> None:
    """Suno refuses an order without a callback, so it is given an address that belongs to nobody."""
    await desk.made("suno")
    (task,) = await desk.sandbox.tasks()
    assert json.loads(task["param"])["callBackUrl"] == suno.NO_CALLBACK
    assert task["callbacks"] == 0


async def test_speech_becomes_text(desk: Desk) -> None:
    """A result without a file."""
    url = await desk.uploads.upload("voice.ogg", "audio/ogg", b"OggS")
    market = desk.families["market"]
    found = await desk.ended("market", await market.create(Order("elevenlabs/speech-to-text", {"audio_url": url})))
    assert isinstance(found, Succeeded)
    assert (found.urls, bool(found.text)) == ((), True)


async def test_a_task_without_its_file_is_refused(desk: Desk) -> None:
    """451 for what cannot be fetched, here or elsewhere; 422 for a file of another kind."""
    picture = await desk.uploads.upload("a.jpg", "image/jpeg", b"\xff\xd8\xff")
    cases = {
        "http://127.0.0.1:1/gone.jpg": "451",
        f"{desk.sandbox.address}/kie/uploads/gone.jpg": "451",
        "https://example.com/a.jpg": "451",
        await desk.uploads.upload("a.mp3", "audio/mpeg", b"\xff\xf3"): "422",
        picture: None,
    }
    for address, code in cases.items():
        order = Order("recraft/remove-background", {"image": address})
        if code is None:
            assert await desk.families["market"].create(order)
            continue
        with pytest.raises(base.InputRefused) as told:
            await desk.families["market"].create(order)
        assert told.value.code == code
