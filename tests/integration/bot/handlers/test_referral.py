"""Invitations: bound once, at the first contact, and rewarded after the first top-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from bot import accounts, referrals
from bot.accounts import Balance
from bot.ledger import Payment
from bot.sql import sql

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

CHAT = 501
INVITER = 700
BOUND = "SELECT array_agg((inviter, invitee)::text ORDER BY invitee) FROM referral"


async def start(talk: Talk, user: int, payload: str = "") -> dict[str, Any]:
    """Let a person start the bot by a link."""
    update = talk.message(f"/start {payload}".strip())
    update["message"]["from"]["id"] = update["message"]["chat"]["id"] = user
    (call,) = await talk.update(update)
    return call


async def topped_up(talk: Talk, user: int, payment: str, reward: int = 20_000) -> int | None:
    """Credit a top-up, as a payment does."""
    async with talk.house.bank.transaction() as connection:
        await accounts.topup(connection, user, 100_000, Payment("stars", payment))
        return await referrals.referral_due(connection, user, reward)


async def test_how_many_a_user_invited_is_counted_by_an_index(talk: Talk) -> None:
    """An operator who looks at somebody does not read through everybody's invitations."""
    async with talk.house.bank.reading() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch(f"EXPLAIN {sql('user_show')}".replace("$1", "700"))
    assert "referral_by_inviter" in "\n".join(row[0] for row in plan)


async def test_start_shows_ones_link_and_the_link_binds_whoever_is_new(talk: Talk) -> None:
    """The link leads to this bot; in a group it is nobody's business."""
    shown = await start(talk, INVITER)
    link = f"https://t.me/{await talk.username()}?start=ref_{INVITER}"
    assert link in shown["text"]
    assert "you get 20 credits" in shown["text"]
    await start(talk, CHAT, link.partition("=")[2])
    assert await talk.house.bank.value(BOUND) == [f"({INVITER},{CHAT})"]
    (group,) = await talk.update(talk.message(f"/start@{await talk.username()}", chat=-100_500))
    assert "ref_" not in group["text"]


async def test_an_invitation_counts_at_the_first_contact_only_and_never_for_oneself(talk: Talk) -> None:
    """Whoever was here before, or came by another link first, stays as it is."""
    await start(talk, CHAT, f"ref_{CHAT}")
    await start(talk, INVITER)
    await start(talk, CHAT, f"ref_{INVITER}")
    assert await talk.house.bank.value(BOUND) is None
    await start(talk, 502, f"ref_{CHAT}")
    await start(talk, 502, f"ref_{INVITER}")
    assert await talk.house.bank.value(BOUND) == [f"({CHAT},502)"]


@pytest.mark.parametrize(
    "payload", ["ref_", "ref_x", "ref_-1", "ref_999", "ref_99999999999999999999", "ref_٣", "ref_1 2", "700", "x" * 64]
)
async def test_a_payload_that_is_no_invitation_is_a_plain_start(talk: Talk, payload: str) -> None:
    """Strangers and nonsense invite nobody; the welcome is the same."""
    await start(talk, INVITER)
    assert (await start(talk, CHAT, payload))["text"].startswith("Hello")
    assert await talk.house.bank.value(BOUND) is None


async def test_the_first_top_up_rewards_the_inviter_once(talk: Talk) -> None:
    """Grants do not count; a later top-up, whatever the reward is by then, does nothing more."""
    await start(talk, INVITER)
    await start(talk, CHAT, f"ref_{INVITER}")
    async with talk.house.bank.transaction() as connection:
        await accounts.grant(connection, CHAT, 5_000, "a")
        await accounts.adjust(connection, CHAT, 5_000, "a")
        assert await referrals.referral_due(connection, CHAT, 20_000) is None
    assert await topped_up(talk, CHAT, "one") == INVITER
    assert await topped_up(talk, CHAT, "one") is None
    assert await topped_up(talk, CHAT, "two", 30_000) is None
    assert await topped_up(talk, INVITER, "three") is None
    assert await talk.balance(INVITER) == Balance(140_000, 0)
    told = "SELECT params->>'text' FROM outbox WHERE chat_id = $1 ORDER BY id DESC LIMIT 1"
    assert "Here is your reward: <b>20 credits</b>" in await talk.house.bank.value(told, INVITER)


async def test_a_first_top_up_without_a_reward_is_the_first_all_the_same(talk: Talk) -> None:
    """REFERRAL_CREDITS=0 when it came."""
    await start(talk, INVITER)
    await start(talk, CHAT, f"ref_{INVITER}")
    assert await topped_up(talk, CHAT, "one", 0) is None
    assert await topped_up(talk, CHAT, "two") is None
    assert await talk.balance(INVITER) == Balance(20_000, 0)


async def test_top_ups_at_the_same_time_reward_once(talk: Talk) -> None:
    """Also in a chain of invitations, where everybody's accounts are moved at once."""
    await start(talk, INVITER)
    await start(talk, CHAT, f"ref_{INVITER}")
    await start(talk, 502, f"ref_{CHAT}")
    async with anyio.create_task_group() as group:
        for number in range(4):
            for user in (502, CHAT, INVITER):
                group.start_soon(topped_up, talk, user, f"{user}-{number}")
    assert [(await talk.balance(user)).available for user in (INVITER, CHAT, 502)] == [440_000, 440_000, 420_000]


async def test_without_a_reward_there_is_no_link(mute: Talk) -> None:
    """What is not configured is not half on."""
    mute.house.settings["referral_credits"] = 0
    async with mute.house.open("telegram"):
        assert "t.me" not in (await start(mute, CHAT))["text"]
