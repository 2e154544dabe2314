"""Who invited whom, and the reward for it.

    /start ref_<code> by somebody new ──▶ bound, once ──first top-up──▶ settled: the inviter is rewarded, once

A grant or an adjustment is no top-up. Invitations never go in a circle: an inviter was here before the invitee.
"""

from __future__ import annotations

from typing import Final

from bot import accounts, texts
from bot.effects import Effects
from bot.ports import Connection
from bot.sql import sql

PREFIX: Final = "ref_"
LONGEST_ID: Final = 16
"""Digits; Telegram's ids have fewer than 52 bits."""


def payload(user_id: int) -> str:
    """Return what a user's link carries to /start."""
    return f"{PREFIX}{user_id}"


def inviter(given: str) -> int | None:
    """Return who sent somebody to /start with this; None for everything that is no invitation."""
    code = given.removeprefix(PREFIX)
    is_code = given.startswith(PREFIX) and code.isascii() and code.isdigit() and len(code) <= LONGEST_ID
    return int(code) if is_code else None


async def bind(connection: Connection, invitee: int, inviter_id: int) -> None:
    """Note at somebody's first contact who invited; oneself, strangers and banned users invite nobody."""
    await connection.execute(sql("referral_bind"), invitee, inviter_id)


async def referral_due(connection: Connection, user_id: int, reward: int) -> int | None:
    """Reward whoever invited this user with so many milli-credits, and tell; return who that is.

    To be called in the transaction that credits a top-up, after it. Only the first top-up counts, whatever the reward
    was then; a repeat does nothing. The invitee's accounts may be locked already: an inviter was here before, so nobody
    waits in a circle.
    """
    found = await connection.fetchrow(sql("referral_settle"), user_id)
    if found is None or not reward:
        return None
    rewarded: int = found["inviter"]
    await accounts.refer(connection, rewarded, reward, user_id)
    phrases = texts.of(found["language"])
    said = texts.fill(phrases.account.invitation_rewarded, reward=phrases.credits(reward))
    await Effects(connection).send_text(rewarded, said)
    return rewarded
