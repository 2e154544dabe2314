"""What operators do in the chat: checked, noted, done once; nobody else can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bot import accounts
from bot.accounts import Balance
from bot.ledger import Payment
from bot.links import Link, data

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

ADMIN = 1
CHAT = 501
GROUP = -100_500
NOTED = "SELECT array_agg(action || ' ' || coalesce(user_id::text, model_id) || coalesce(' ' || amount, '') ORDER BY id) FROM admin_action"


def order(talk: Talk, text: str, *, user: int = ADMIN, chat: int = ADMIN) -> dict[str, Any]:
    """Return the update of an operator's command."""
    update = talk.message(f"/admin {text}".strip(), chat=chat)
    update["message"]["from"]["id"] = user
    return update


async def said(talk: Talk, text: str) -> str:
    """Return what an operator hears."""
    calls = await talk.update(order(talk, text))
    return str(next(call["text"] for call in reversed(calls) if call["chat_id"] == ADMIN))


@pytest.mark.parametrize("text", ["", "grant 501 5", "user 501", "dead", "off z-image"])
async def test_to_everybody_else_there_is_no_such_command(talk: Talk, text: str) -> None:
    """In a group not even to an operator, and there in silence."""
    (call,) = await talk.update(order(talk, text, user=CHAT, chat=CHAT))
    assert call["text"] == "I do not know that command. /help shows what I can do."
    assert await talk.update(order(talk, text, chat=GROUP)) == []
    assert await talk.house.bank.value(NOTED) is None


async def test_the_overview_tells_how_things_stand(talk: Talk) -> None:
    """Today's numbers, the queues, who leads; and what can be asked for."""
    await talk.update(talk.message("/start"))
    await talk.house.bank.write(
        "INSERT INTO model_hour (model_id, hour, success, timeout, charged, cost, free_cost) "
        "VALUES ('a', now(), 3, 2, 2400, 12500, 4000), ('a', '-infinity', 9, 9, 9, 9, 9)"
    )
    await talk.house.bank.write(
        "INSERT INTO inbox (source, dedupe_key, lane, body, state) VALUES ('telegram', 'x', 'chat:1', '', 'dead')"
    )
    text = await said(talk, "")
    assert "3 delivered, 2 failed; charged 2.4 credits, cost $0.01, of that $0.00 for free ones" in text
    assert "2 users, 0 generations under way" in text
    assert "inbox: 0 waiting, 1 dead letters" in text
    assert "lock: held, epoch 1, test, heartbeat" in text
    assert "/admin grant ID CREDITS" in text


async def test_a_grant_gives_once_and_tells_the_one_who_got_it(talk: Talk) -> None:
    """The same update, handled again, finds that it was done."""
    await talk.update(talk.message("/start"))
    update = order(talk, f"grant {CHAT} 2,5")
    calls = await talk.update(update)
    assert [(call["chat_id"], call["text"]) for call in calls] == [
        (CHAT, "A present for you: <b>2.5 credits</b>. You have 22.5 credits."),
        (ADMIN, f"User {CHAT} was given 2.5 credits and has 22.5 credits."),
    ]
    (call,) = await talk.update(update)
    assert call["text"] == "This was done before; nothing was done again."
    assert await talk.balance() == Balance(22_500, 0)
    assert await talk.house.bank.value(NOTED) == [f"grant {CHAT} 2500"]
    assert await talk.house.bank.value("SELECT admin_id FROM admin_action") == ADMIN


async def test_a_refund_takes_back_what_is_left(talk: Talk) -> None:
    """Never more than is there, and the note says how much it was."""
    await talk.update(talk.message("/start"))
    async with talk.house.bank.transaction() as connection:
        await accounts.topup(connection, CHAT, 5_000, Payment("stars", "1"))
    assert await said(talk, f"refund {CHAT} 4") == f"4 credits were taken back from user {CHAT}, who has 21 credits."
    assert await said(talk, f"refund {CHAT} 100") == (
        f"Only 21 credits of 100 credits could be taken back from user {CHAT}: the rest is spent. 0 credits are left."
    )
    assert await talk.balance() == Balance(0, 0)
    assert await talk.house.bank.value(NOTED) == [f"refund {CHAT} 4000", f"refund {CHAT} 21000"]


async def test_a_refund_waits_for_what_is_on_hold(talk: Talk) -> None:
    """Nothing is taken and that is said, with what to do; the note says so too."""
    await talk.update(talk.message("/start"))
    async with talk.house.bank.transaction() as connection:
        hold = await accounts.hold(connection, CHAT, 800, 1, seconds=60)
    assert (await said(talk, f"refund {CHAT} 20")).startswith(
        f"Nothing was taken yet: user {CHAT} has less than 20 credits free"
    )
    assert await talk.balance() == Balance(19_200, 800)
    async with talk.house.bank.transaction() as connection:
        await accounts.release(connection, hold, 1)
    assert await said(talk, f"refund {CHAT} 20") == f"20 credits were taken back from user {CHAT}, who has 0 credits."
    assert await talk.house.bank.value(NOTED) == [f"refund {CHAT} 0", f"refund {CHAT} 20000"]


@pytest.mark.parametrize("verb", ["grant", "refund"])
@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("-5", "below zero"),
        ("0", "above zero"),
        ("0.00", "above zero"),
        ("1000000.001", "more than one order"),
        ("1e3", "no amount"),
        ("9" * 30, "more than one order"),
        ("9" * 400, "no amount"),
        ("0.0001", "too fine"),
        ("NaN", "no amount"),
        ("٣", "no amount"),
        ("<b>5</b>", "“&lt;b&gt;5&lt;/b&gt;” is no amount"),
        ("5;", "no amount"),
    ],
)
async def test_an_amount_that_makes_no_sense_moves_nothing(talk: Talk, verb: str, amount: str, says: str) -> None:
    """Each is told what is wrong with it, and leaves no note."""
    await talk.update(talk.message("/start"))
    assert says in await said(talk, f"{verb} {CHAT} {amount}")
    assert await talk.balance() == Balance(20_000, 0)
    assert await talk.house.bank.value(NOTED) is None


@pytest.mark.parametrize("whom", ["0", "-1", "abc", "1.5", "99999999999999999999", "@ann", "404"])
@pytest.mark.parametrize("text", ["user {}", "grant {} 5", "refund {} 5", "ban {}", "unban {}"])
async def test_nobody_of_that_id_is_told_and_nothing_done(talk: Talk, text: str, whom: str) -> None:
    """An id that is none, and one of somebody who never came."""
    answer = await said(talk, text.format(whom))
    assert ("has written to the bot" if whom == "404" else "no user's id") in answer
    assert await talk.house.bank.value(NOTED) is None


@pytest.mark.parametrize("text", ["grant", "grant 501", "grant 501 5 6", "sing", "dead 5", "off", "user", "ban 1 2"])
async def test_an_order_that_is_none_shows_what_there_is(talk: Talk, text: str) -> None:
    """Nothing is guessed."""
    assert (await said(talk, text)).startswith("/admin user ID")


async def test_a_user_is_shown_with_all_that_an_operator_needs(talk: Talk) -> None:
    """And looking is noted as well."""
    await talk.update(talk.message("/start"))
    await talk.house.bank.write("UPDATE users SET unreachable_at = now()")
    text = await said(talk, f"user {CHAT}")
    assert text.startswith(f"<b>User {CHAT}</b>\nen, here since 20")
    assert "20 credits, 0 credits on hold" in text
    assert "invited: 0, invited by: nobody" in text
    assert text.endswith("Takes no messages: the bot is blocked.")
    assert await talk.house.bank.value(NOTED) == [f"find {CHAT}"]


async def test_a_banned_user_hears_one_kind_sentence_until_unbanned(talk: Talk) -> None:
    """Payments, privacy and being forgotten stay open; nothing else is done, in a group in silence."""
    await talk.update(talk.message("a fox"))
    number = await talk.house.bank.value("SELECT id FROM generation")
    assert "turned away" in await said(talk, f"ban {CHAT}")
    for text in ("/start", "a fox", "/models", "/balance"):
        (call,) = await talk.update(talk.message(text))
        assert call["text"].startswith("I am sorry, I cannot work for you any more.")
    assert await talk.update(talk.message("/balance", chat=GROUP)) == []
    for pressed in (f"1:go:{number}:800", data(Link(CHAT, "menu"))):
        (call,) = await talk.update(talk.pressed(pressed))
        assert (call["method"], call["text"][:10]) == ("answerCallbackQuery", "I am sorry")
    assert await talk.house.state(CHAT) == "quoted"
    for text, says in (("/paysupport", "no payments"), ("/privacy", "What I keep"), ("/terms", "You pay")):
        (call,) = await talk.update(talk.message(text))
        assert says in call["text"]
    calls = await talk.update(talk.pressed(data(Link(CHAT, "erase", ("yes",)))))
    assert "is deleted" in calls[0]["text"]
    assert "Banned since 20" in await said(talk, f"user {CHAT}")
    await said(talk, f"unban {CHAT}")
    (call,) = await talk.update(talk.message("/balance"))
    assert call["text"] == "You have <b>20 credits</b>."


async def test_an_operator_cannot_be_banned(talk: Talk) -> None:
    """Nor lock out the others."""
    await talk.update(order(talk, "user 5"))
    assert "cannot be turned away" in await said(talk, f"ban {ADMIN}")
    assert await talk.house.bank.value("SELECT count(*) FROM users WHERE banned_at IS NOT NULL") == 0


async def test_a_model_that_is_switched_off_is_neither_offered_nor_made(talk: Talk) -> None:
    """Not in the menu, not from its old card, not from an old quote, not from plain words; switched on it is back."""
    await talk.update(talk.message("a fox"))
    number = await talk.house.bank.value("SELECT id FROM generation")
    assert "not offered any more" in await said(talk, "off z-image")
    page, _ = await talk.update(talk.pressed(data(Link(CHAT, "kind", ("image", "0")))))
    assert "Z-Image" not in json.dumps(page)
    for action in ("card", "make"):
        (answer,) = await talk.update(talk.pressed(data(Link(CHAT, action, ("z-image",)))))
        assert "not available" in answer["text"]
    calls = await talk.update(talk.pressed(f"1:go:{number}:800"))
    assert "Nothing was charged" in calls[0]["text"]
    assert await talk.house.state(CHAT) == "expired"
    (call,) = await talk.update(talk.message("a fox"))
    assert "Z-Image" not in call["text"]
    calls = await talk.update(talk.pressed(data(Link(CHAT, "repeat", (str(number),)))))
    assert calls[0]["text"].startswith("<b>Z-Image</b> is taking a break.")
    assert "Switched off: z-image" in await said(talk, "")
    assert "is offered again" in await said(talk, "on z-image")
    (call,) = await talk.update(talk.message("a fox"))
    assert "0.8 credits" in call["text"]
    assert await talk.house.bank.value(NOTED) == ["model_off z-image", "model_on z-image"]
    assert "no model &lt;b&gt;" in await said(talk, "off <b>")


async def test_dead_letters_are_listed_without_what_they_say(talk: Talk) -> None:
    """Their reasons as text, and how to try one again."""
    assert await said(talk, "dead") == "There are no dead letters."
    for lane in ("chat:1", "op:malformed"):
        await talk.house.bank.write(
            "INSERT INTO inbox (source, dedupe_key, lane, body, state, attempts, last_error) "
            "VALUES ('telegram', $1, $1, 'secret', 'dead', 5, 'KeyError: <b>')",
            lane,
        )
    text = await said(talk, "dead")
    assert "telegram, just now, 5 starts: KeyError: &lt;b&gt; (cannot be replayed)\n\n" in text
    assert text.endswith("To try one again: vigil inbox replay ID")
    assert "secret" not in text
