"""Groups: people talk among themselves, and the bot only when it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.accounts import Balance

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


async def test_in_a_group_only_who_asked_can_confirm_and_pays(talk: Talk) -> None:
    """Another one's press is answered, and moves nothing of either."""
    await talk.update(talk.message("a fox", chat=GROUP, reply_to_message=talk.ours(GROUP)))
    generation_id = await talk.house.bank.value("SELECT id FROM generation")
    (answer,) = await talk.update(talk.pressed(f"1:go:{generation_id}", user=777, chat=GROUP))
    assert answer["text"] == "Only the one who asked for this picture can press here."
    assert await talk.house.state(CHAT) == "quoted"
    await talk.update(talk.pressed(f"1:go:{generation_id}", chat=GROUP))
    assert await talk.balance() == Balance(19_200, 800)
    assert await talk.balance(777) == Balance(20_000, 0)
