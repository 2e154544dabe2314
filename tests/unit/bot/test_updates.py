"""The answer to a poll, cut into what was sent."""

from __future__ import annotations

import pytest

from bot.updates import entries

DEEP = "[" * 200_000 + "]" * 200_000
LONG = "9" * 5_000
AWKWARD = (
    "{}",
    "null",
    "true",
    '"text, with ] and } and \\" in it"',
    "-7",
    LONG,
    DEEP,
    '{"update_id": ' + LONG + ', "a": [1, "]"]}',
    '{"a": ' + DEEP + "}",
    '{"text": "\\u0000 \\ud800"}',
    "{no json, [at] all}",
    "NaN",
    '{"text": "' + "x" * 1_000_000 + '"}',
)


def answer(*raw: str) -> bytes:
    return ('{"ok":true,"result":[' + ",\n ".join(raw) + "]}").encode()


def test_entries_come_out_as_they_were_sent() -> None:
    """Whatever blanks Telegram puts between them."""
    assert entries(answer('{"update_id": 1}', '{"update_id":2 }')) == [b'{"update_id": 1}', b'{"update_id":2 }']
    assert entries(b' { "ok" : true , "result" : [ ] } ') == []
    assert entries(b'{"result":[{}],"ok":true}') == [b"{}"]


@pytest.mark.parametrize("awkward", AWKWARD, ids=range(len(AWKWARD)))
def test_an_entry_that_no_parser_takes_costs_no_other_entry(awkward: str) -> None:
    """Nested too deep, a number too long, no JSON at all: the others are whole, before it and behind it."""
    others = ['{"update_id":1}', '{"update_id":3}']
    assert entries(answer(others[0], awkward, others[1])) == [
        others[0].encode(),
        awkward.encode(),
        others[1].encode(),
    ]


def test_bytes_that_are_no_utf_8_are_one_entrys_own_affair() -> None:
    """They come out as they went in."""
    broken = b'{"text":"\xff\xfe"}'
    assert entries(b'{"ok":true,"result":[{"update_id":1},' + broken + b"]}") == [b'{"update_id":1}', broken]


WHOLE = answer('{"update_id":1,"text":"a]"}', '{"update_id":2}')


@pytest.mark.parametrize("length", range(len(WHOLE) - 1))
def test_a_truncated_answer_is_none(length: int) -> None:
    """Half a list would look like a shorter one, and confirm what was not read."""
    assert entries(WHOLE[:length]) is None


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'{"ok":true}',
        b'{"ok":true,"result":{}}',
        b'{"ok":true,"result":true}',
        b'{"ok":false,"description":"result: []"}',
        b'{"ok":true,"result":[,]}',
    ],
)
def test_what_is_no_list_of_updates_is_none(other: bytes) -> None:
    """A proxy's page, another method's answer, a refusal."""
    assert entries(other) is None
