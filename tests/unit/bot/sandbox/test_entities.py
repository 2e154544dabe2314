"""Telegram's HTML: what it means, and Telegram's own words for what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.entities import find_entities, parse_html, utf16_length
from bot.sandbox.errors import ApiError


def spans(source: str) -> list[tuple[str, int, int]]:
    """Return type, offset and length of each entity."""
    return [(e["type"], e["offset"], e["length"]) for e in parse_html(source)[1]]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("plain", "plain", []),
        ("<b>bold</b> <i>it</i>", "bold it", [("bold", 0, 4), ("italic", 5, 2)]),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("<B>x</B>", "x", [("bold", 0, 1)]),
        ("1 &lt; 2 &amp; &quot;3&quot; &#33; &nbsp;", '1 < 2 & "3" ! &nbsp;', []),
        ("\U0001f98a<u>x</u>", "\U0001f98ax", [("underline", 2, 1)]),
        ("  <b> padded </b>  ", "padded", [("bold", 0, 6)]),
        ('<span class="tg-spoiler">s</span>', "s", [("spoiler", 0, 1)]),
        ('<pre><code class="language-py">x=1</code></pre>', "x=1", [("pre", 0, 3)]),
        ("<blockquote expandable>q</blockquote>", "q", [("expandable_blockquote", 0, 1)]),
        ("<b></b>x", "x", []),
        ("<a>no address</a>", "no address", []),
    ],
)
def test_html_becomes_text_with_entities(source: str, text: str, expected: list[tuple[str, int, int]]) -> None:
    """Offsets count UTF-16 units; white space at the ends goes."""
    assert parse_html(source)[0] == text
    assert spans(source) == expected


def test_a_link_keeps_its_address_and_code_its_language() -> None:
    """Attributes may hold any character between quotes."""
    assert parse_html('<a href="https://e.org/?a=1&amp;b=>">x</a>')[1][0]["url"] == "https://e.org/?a=1&b=>"
    assert parse_html('<pre><code class="language-py">x</code></pre>')[1] == [
        {"type": "pre", "offset": 0, "length": 1, "language": "py"}
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("<foo>x</foo>", 'Unsupported start tag "foo" at byte offset 0'),
        ("é<foo>", 'Unsupported start tag "foo" at byte offset 2'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("x<b", "Unclosed start tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_bad_html_is_refused_in_telegrams_words(source: str, problem: str) -> None:
    """The position counts bytes."""
    with pytest.raises(ApiError) as caught:
        parse_html(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {problem}"


@given(st.text(alphabet='<>/ab ="&;\U0001f98a', max_size=40))
def test_any_text_is_parsed_or_refused_with_entities_inside_it(source: str) -> None:
    """No input breaks the parser; every entity lies within the text."""
    try:
        text, entities = parse_html(source)
    except ApiError:
        return
    assert text == text.strip()
    for entity in entities:
        assert 0 <= entity["offset"] < entity["offset"] + entity["length"] <= utf16_length(text)


def test_commands_links_mentions_and_hashtags_are_found() -> None:
    """A command handler needs bot_command at offset 0; a path is no command."""
    found = find_entities("/start@bot \U0001f98a https://e.org/a, @alex #fox a/b")
    assert [(e["type"], e["offset"], e["length"]) for e in found] == [
        ("bot_command", 0, 10),
        ("url", 14, 15),
        ("mention", 31, 5),
        ("hashtag", 37, 4),
    ]
