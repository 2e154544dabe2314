"""Groups: people talk among themselves, and the bot only when it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.accounts import Balance
from bot.effects import Effects

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
GROUP = -100_500


async def test_in_a_group_the_bot_answers_only_commands_and_replies_to_itself(talk: Talk) -> None:
    """People talk among themselves, and to other bots."""
    username = await talk.username()
    ours = {"reply_to_message": talk.ours(GROUP)}
    theirs = {"reply_to_message": talk.message("x", chat=GROUP)["message"]}
    silent = [
        talk.message("a fox", chat=GROUP),
        talk.message("a fox", chat=GROUP, **theirs),
        talk.message("/dance", chat=GROUP),
        talk.message("/dance@other_bot", chat=GROUP),
        talk.message("/start@other_bot", chat=GROUP),
        talk.message(None, chat=GROUP, dice={"emoji": "🎲", "value": 1}),
    ]
    for update in silent:
        assert await talk.update(update) == [], update["message"].get("text")
    assert await talk.house.bank.value("SELECT count(*) FROM users") == 0
    for text, more in ((f"/start@{username}", {}), (f"/dance@{username}", {}), ("a fox", ours)):
        (call,) = await talk.update(talk.message(text, chat=GROUP, **more))
        assert (call["method"], call["chat_id"]) == ("sendMessage", GROUP)


async def test_what_a_channel_says_in_its_group_has_no_author(talk: Talk) -> None:
    """Telegram brings it there in the name of a user who is no bot: none is made, welcomed or answered."""
    username = await talk.username()
    channel = {"sender_chat": {"id": GROUP - 1, "type": "channel", "title": "News"}, "is_automatic_forward": True}
    sender = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
    for kind in ("message", "edited_message"):
        update = talk.message(f"/start@{username}", chat=GROUP, **channel | {"from": sender})
        update[kind] = update.pop("message")
        assert await talk.update(update) == []
    assert await talk.house.bank.value("SELECT count(*) FROM users") == 0


async def test_a_group_that_removed_the_bot_is_reachable_when_somebody_in_it_speaks_to_it_again(talk: Talk) -> None:
    """Only this group: another one is still gone."""
    for chat in (GROUP, GROUP - 1):
        await talk.house.bank.write("INSERT INTO group_unreachable (chat_id) VALUES ($1)", chat)
    username = await talk.username()
    await talk.update(talk.message(f"/start@{username}", chat=GROUP))
    assert await talk.house.bank.value("SELECT array_agg(chat_id) FROM group_unreachable") == [GROUP - 1]


@pytest.mark.parametrize("told_in", [GROUP, -5])
async def test_a_service_message_moves_what_waits_for_a_group(mute: Talk, told_in: int) -> None:
    """Whichever of the two chats tells it first; what is queued for the old id later goes to the new one too."""
    async with mute.house.open("telegram"):
        moved = {"migrate_from_chat_id": -5} if told_in == GROUP else {"migrate_to_chat_id": GROUP}
        for text in "ab":
            await queue(mute, -5, text)
        assert await mute.update(mute.message(None, chat=told_in, **moved)) == []
        await queue(mute, -5, "c")
    async with mute.house.bank.reading() as connection:
        rows = await connection.fetch("SELECT lane, chat_id, params->>'text' AS text FROM outbox ORDER BY id")
    assert [tuple(row) for row in rows] == [(f"chat:{GROUP}", GROUP, text) for text in "abc"]


async def queue(talk: Talk, chat: int, text: str) -> None:
    async with talk.house.bank.transaction() as connection:
        await Effects(connection).send_text(chat, text)


async def test_in_a_group_only_who_asked_can_confirm_and_pays(talk: Talk) -> None:
    """Another one's press is answered, and moves nothing of either."""
    await talk.update(talk.message("a fox", chat=GROUP, reply_to_message=talk.ours(GROUP)))
    generation_id = await talk.house.bank.value("SELECT id FROM generation")
    (answer,) = await talk.update(talk.pressed(f"1:go:{generation_id}:800", user=777, chat=GROUP))
    assert answer["text"] == "Only the one who asked for this can press here."
    assert await talk.house.state(CHAT) == "quoted"
    await talk.update(talk.pressed(f"1:go:{generation_id}:800", chat=GROUP))
    assert await talk.balance() == Balance(19_200, 800)
    assert await talk.balance(777) == Balance(20_000, 0)
