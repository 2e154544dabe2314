"""What buttons carry."""

from __future__ import annotations

import pytest

from bot.catalogue import load
from bot.handlers.buttons import Button, data, parse
from bot.handlers.quote import Quote, ask
from bot.texts import of


@pytest.mark.parametrize(
    ("button", "written"),
    [
        (Button("go", 42, value="800"), "1:go:42:800"),
        (Button("no", 42), "1:no:42"),
        (Button("back", 42), "1:back:42"),
        (Button("other", 42), "1:other:42"),
        (Button("ask", 42, "seed"), "1:ask:42:seed"),
        (Button("clear", 42, "seed"), "1:clear:42:seed"),
        (Button("set", 42, "aspect_ratio", "16:9"), "1:set:42:aspect_ratio:16:9"),
    ],
)
def test_a_button_reads_back_as_it_was_written(button: Button, written: str) -> None:
    """A value may hold colons."""
    assert data(button) == written
    assert parse(written) == button


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "1",
        "1:go",
        "1:go:",
        "1:go:42",
        "1:go:x:1",
        "1:go:-1:1",
        "1:go:042:1",
        "1:go:٤٢:1",
        "1:go:42:more",
        "1:go:42:-1",
        "1:go:42:8:8",
        "1:go:" + "9" * 19 + ":1",
        "1:no:42:x",
        "1:ask:42",
        "1:set:42",
        "1:set:42:aspect_ratio",
        "1:run:42",
        "0:go:42:1",
        "2:go:42:1",
        "🦊" * 16,
    ],
)
def test_what_no_present_version_wrote_is_no_button(written: str | None) -> None:
    """Old, foreign and forged data: None, never an error."""
    assert parse(written) is None


@pytest.mark.parametrize(
    "button",
    [
        Button("set", 42, "a" * 60, "x"),
        Button("set", 42, "a:b", "x"),
        Button("no", 0),
        Button("no", 10**18),
        Button("go", 1),
    ],
)
def test_a_button_that_would_not_come_back_is_refused(button: Button) -> None:
    """Longer than Telegram's 64 bytes, or ambiguous: found when it is written, not when it is pressed."""
    with pytest.raises(ValueError, match="cannot carry"):
        data(button)


def test_a_quote_shows_every_choice_with_the_chosen_one_marked() -> None:
    """Five shapes in a row, then generate and cancel; all fit at the largest id."""
    model = load().models["z-image"]
    quote = Quote(model, {"prompt": "a <fox>", "aspect_ratio": "4:3"}, 800, 20_000)
    text, rows = ask(of("en"), of("en").confirm, quote, 10**18 - 1)
    assert [[label for label, _ in row] for row in rows] == [
        ["1:1", "✓ 4:3", "3:4", "16:9", "9:16"],
        ["Generate", "Cancel"],
        ["Another model"],
    ]
    assert all(len(carried.encode()) <= 64 for row in rows for _, carried in row)
    assert "a &lt;fox&gt;" in text
    assert "<b>Z-Image</b> · 0.8 credits\nYou have 20 credits." in text
