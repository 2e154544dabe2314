"""What the inbox's verbs print for people."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from supervisor.commands.inbox import COUNTED, dead_lines, outcome_line, stats_lines
from supervisor.commands.terminal import printable
from tests.unit.supervisor.commands.test_contract import DOCUMENT

FOUND: dict[str, Any] = {
    "ready": 3,
    "claimed": 1,
    "done": COUNTED,
    "dead": 2,
    "oldest_seconds": 12.34,
    "arrived_per_second": 1.5,
    "done_per_second": 0.0,
}
LETTER: dict[str, Any] = {
    "id": 7,
    "source": "telegram",
    "lane": "chat:1",
    "received_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "died_at": None,
    "attempts": 5,
    "reason": "KeyError in bot.x:1",
    "bytes": 2,
}


def test_a_count_that_was_cut_off_says_so() -> None:
    """Nobody takes the bound for the number."""
    text = "\n".join(stats_lines(FOUND, [{"lane": "chat:1", "rows": 3, "oldest_seconds": 12.3}]))
    assert "done       1,000,000 or more" in text
    assert "ready      3, the oldest for 12.3 s" in text
    assert re.search(r"^chat:1 +3 +12.3 s$", text, re.MULTILINE)


def test_an_empty_inbox_names_no_lanes() -> None:
    """And no age."""
    text = "\n".join(stats_lines({**FOUND, "ready": 0, "oldest_seconds": None, "dead": 0}, []))
    assert "oldest" not in text
    assert "vigil inbox dead" not in text


def test_dead_letters_are_a_table_and_the_way_to_the_next_page() -> None:
    """With the bodies below, when they were asked for."""
    lines = dead_lines([LETTER], 7)
    assert lines[1].split() == ["7", "telegram", "chat:1", "2026-01-02", "03:04:05", "5", "KeyError", "in", "bot.x:1"]
    assert lines[-1] == "There may be more: --before 7"
    assert dead_lines([{**LETTER, "body": "{}"}], None)[-2:] == ["7, 2 bytes:", "{}"]


def test_what_came_from_outside_cannot_speak_to_the_terminal() -> None:
    """Control characters, of either kind, and line ends are shown, not obeyed."""
    text = "\n".join(dead_lines([{**LETTER, "lane": "task:\x1b[2J", "body": "a\nb\x9b31m\u202e"}], None))
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "\\x1b[2J" in text
    assert "a\\nb\\x9b31m\\u202e" in text
    assert printable("héllo 🙂 {}") == "héllo 🙂 {}"


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        ("done", None, "7 → 9 done"),
        ("claimed", None, "7 → 9 claimed: it waits for its turn, or is being handled"),
        (
            "claimed",
            "Boom",
            "7 → 9 claimed, tried again: 3 starts so far, the last failure: Boom. Look again: vigil inbox dead",
        ),
        ("dead", "Boom", "7 → 9 dead again: Boom"),
        ("accepted", None, "7 stored as order 8: the next instance that is ACTIVE replays it. See: vigil lock show"),
        ("refused", "Boom", "7 refused: Boom (row 8, which can be replayed itself)"),
    ],
)
def test_every_outcome_has_its_line(state: str, reason: str | None, said: str) -> None:
    """In one line each; what still fails says so, and where to look again."""
    outcome = {"id": 7, "replayed_as": 9, "state": state, "attempts": 3, "reason": reason, "order": 8}
    assert outcome_line(outcome) == said


def test_the_documented_fields_of_a_dead_letter_are_all_there() -> None:
    """A field that is renamed breaks somebody's script."""
    (row,) = [line for line in DOCUMENT.splitlines() if line.startswith("| `inbox dead`")]
    assert set(LETTER) <= set(re.findall(r"`([a-z_]+)`", row))
    told = DOCUMENT.partition("`inbox stats`: ")[2].partition("\n\n")[0]
    assert set(FOUND) | {"lanes", "counted_to", "lanes_counted_to"} <= set(re.findall(r"`([a-z_]+)`", told))
    (row,) = [line for line in DOCUMENT.splitlines() if line.startswith("| `inbox replay")]
    told = DOCUMENT.partition("`inbox replay`: ")[2].partition("\n\n")[0]
    wanted = {"id", "replayed_as", "state", "attempts", "reason", "order"}
    assert wanted <= set(re.findall(r"`([a-z_]+)`", row))
    assert {"reason", "attempts", "accepted", "refused"} <= set(re.findall(r"`([a-z_]+)`", told)), "explained too"
