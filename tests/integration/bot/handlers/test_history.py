"""What somebody had made: page by page, once more at today's price, the result again for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.accounts import Balance
from bot.links import Link, data

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
GROUP = -100_500
QUOTED = """
INSERT INTO generation (user_id, chat_id, lane, model_id, inputs, price)
SELECT $1::bigint, $2::bigint, 'chat:' || $2::bigint, $3, $4::text::json, 0 FROM generate_series(1, $5)
"""
STEPS = (
    "UPDATE generation SET state = 'held' WHERE state = 'quoted'",
    "UPDATE generation SET state = 'failed' WHERE state = 'held'",
    "UPDATE generation SET state = 'released', settled_at = now() WHERE state = 'failed'",
)


async def made(
    talk: Talk, number: int, *, chat: int = CHAT, model: str = "z-image", inputs: str = '{"prompt": "a <b>"}'
) -> None:
    """Let so many free generations have failed."""
    await talk.house.bank.write(QUOTED, CHAT, chat, model, inputs, number)
    for step in STEPS:
        await talk.house.bank.write(step)


def labels(call: dict[str, Any]) -> list[str]:
    """Return what the buttons of a message say."""
    return [button["text"] for row in call.get("reply_markup", {}).get("inline_keyboard", []) for button in row]


async def test_who_has_made_nothing_is_told_how_to_begin(talk: Talk) -> None:
    """A quote that was never confirmed is no history."""
    await talk.update(talk.message("a fox"))
    (call,) = await talk.update(talk.message("/history"))
    assert call["text"] == "There is nothing here yet. Describe a picture, or look at /models."


async def test_pages_show_what_was_asked_as_text_and_how_it_ended(talk: Talk) -> None:
    """Five on a page, the newest first; a model that is gone is called by its id."""
    await talk.update(talk.message("/start"))
    await made(talk, 1, model="gone")
    await made(talk, 6)
    (first,) = await talk.update(talk.message("/history"))
    assert first["text"].count("failed, nothing charged · just now\na &lt;b&gt;") == 5
    assert labels(first) == [*(f"Repeat {number}" for number in range(1, 6)), "More ›"]
    second, _ = await talk.update(talk.pressed(data(Link(CHAT, "hist", ("1",)))))
    assert "7. <b>gone</b> · free" in second["text"]
    assert labels(second) == ["Repeat 6", "Repeat 7", "‹ Earlier"]


async def test_in_a_group_only_what_was_made_there_is_shown(talk: Talk) -> None:
    """What somebody does elsewhere is not for the group; the own chat shows all."""
    await talk.update(talk.message("/start"))
    await made(talk, 2, inputs='{"prompt": "secret"}')
    await made(talk, 1, chat=GROUP, inputs='{"prompt": "public"}')
    (call,) = await talk.update(talk.message("/history", chat=GROUP))
    assert ("public" in call["text"], "secret" in call["text"]) == (True, False)
    (call,) = await talk.update(talk.message("/history"))
    assert ("public" in call["text"], "secret" in call["text"]) == (True, True)
    newest = await talk.house.bank.value("SELECT min(id) FROM generation")
    (answer,) = await talk.update(talk.pressed(data(Link(CHAT, "again", (str(newest),))), chat=GROUP))
    assert "out of date" in answer["text"]


async def test_a_result_comes_again_for_nothing_and_a_repeat_is_a_fresh_quote(mute: Talk) -> None:
    """Telegram still has the picture; nothing is charged before the new quote is confirmed."""
    house = mute.house
    async with house.open():
        await mute.write("a red fox")
        await mute.press("Generate")
        await house.reaches("charged", CHAT)
        await mute.write("/history")
        await mute.press("Send 1 again")
        said = await mute.said(4)
        assert [message["kind"] for message in said] == ["text", "photo", "text", "photo"]
        assert "1. Z-Image · 0.8 credits · done · just now\na red fox" in said[2]["text"]
        await mute.press("Repeat 1")
        *_, quote = await mute.said(5)
        assert "a red fox" in quote["text"]
        assert "Generate" in quote["buttons"]
    assert await mute.balance() == Balance(19_200, 0)
    states = "SELECT array_agg(state ORDER BY id) FROM generation"
    assert await house.bank.value(states) == ["charged", "quoted"]


async def test_what_is_not_ones_own_or_never_came_is_not_sent(talk: Talk) -> None:
    """A forged button of somebody else's result, one that failed, one that never was."""
    await talk.update(talk.message("/start"))
    await made(talk, 1)
    mine = await talk.house.bank.value("SELECT id FROM generation")
    for user, number, says in (
        (777, mine, "out of date"),
        (CHAT, mine + 1, "out of date"),
        (CHAT, mine, "do not have"),
    ):
        (answer,) = await talk.update(talk.pressed(data(Link(user, "again", (str(number),))), user=user))
        assert says in answer["text"]
