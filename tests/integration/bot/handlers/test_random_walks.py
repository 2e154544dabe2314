"""People do anything in any order: nothing ever fails, every press is answered, and only `go` moves credits."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from bot.handlers.buttons import parse
from tests.integration.bot.handlers.walk import Walk, document, photo, video, voice

if TYPE_CHECKING:
    from tests.integration.bot.handlers.conftest import Talk

STEPS = 70
SAYINGS = [
    "a fox", "10", "1.5", "yes", "16:9", "x" * 1500, "\u0000", "/models", "/start", "/cancel", "/help", "/balance",
    "/generate", "/dance", "<b>&", "🦊", "-1", "no",
]  # fmt: skip
CONTENTS: list[dict[str, Any]] = [
    photo(), photo("p2"), photo(size=30_000_000), voice(), voice(seconds=99), video(), document("image/png"),
    document("application/pdf"), document(None), {"dice": {"emoji": "🎲", "value": 1}},
]  # fmt: skip
GARBAGE = [
    "",
    "1:go:1:800",
    "1:go:1:0",
    "1:set:1:x:y",
    "1:ask:1:seed",
    "1:back:1",
    "2:dx:menu",
    "2:dx:v:z-image:x:y",
    "0",
]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("language", ["en", "ru"])
async def test_whatever_people_do_nothing_fails_and_only_go_holds_credits(
    mute: Talk, walk: Walk, seed: int, language: str
) -> None:
    """Seventy steps of one person: words, files, albums, commands, and buttons of all times."""
    random, bank = Random(seed), mute.house.bank
    walk.language = language
    await walk.say("/start")
    for _ in range(STEPS):
        before = await mute.balance()
        pressed = await step(walk, random)
        after = await mute.balance()
        if after != before:
            button = parse(pressed)
            assert button is not None
            assert button.action == "go"
            assert after.held - before.held == before.available - after.available == int(button.value)
        assert await bank.value("SELECT count(*) FROM ledger_hold WHERE state <> 'held'") == 0
        for screen in walk.screens.values():
            assert 0 < len(screen.text) <= 4096
            assert all(len(data.encode()) <= 64 for data in screen.buttons.values())


async def step(walk: Walk, random: Random) -> str | None:
    """Do something; return what was pressed, if that is what was done."""
    what = random.random()
    data = [data for screen in walk.screens.values() for data in screen.buttons.values()]
    if data and what < 0.6:
        # Mostly what is on the screen now, as people do.
        now = list(walk.now.buttons.values())
        chosen = random.choice(now if now and random.random() < 0.7 else data)
        await press(walk, chosen)
        return chosen
    if what < 0.65:
        chosen = random.choice(GARBAGE)
        await press(walk, chosen)
        return chosen
    if what < 0.85:
        await walk.say(random.choice(SAYINGS))
        return None
    album = {"media_group_id": random.choice("gh")} if random.random() < 0.5 else {}
    caption = {"caption": random.choice(SAYINGS)} if random.random() < 0.3 else {}
    await walk.say(**random.choice(CONTENTS), **album, **caption)
    return None


async def press(walk: Walk, data: str) -> None:
    """Press, and see that the press is answered once."""
    answered = "SELECT count(*) FROM outbox WHERE method = 'answerCallbackQuery'"
    before = await walk.talk.house.bank.value(answered)
    await walk.send(data)
    assert await walk.talk.house.bank.value(answered) == before + 1
