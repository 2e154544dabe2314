"""Telegram's formatted text: HTML becomes plain text with entities, or an error in Telegram's words.

Offsets and lengths count UTF-16 units, positions in errors count bytes, as Telegram does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final

from bot.sandbox.errors import bad_request

Entity = dict[str, Any]

STYLES: Final = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "tg-spoiler": "spoiler", "span": "spoiler", "a": "text_link", "tg-emoji": "custom_emoji",
    "blockquote": "blockquote",
}  # fmt: skip
_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,!?;:)])"
    r"|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]{3,32})?)(?![\w/])"
    r"|(?<![\w@])(?P<mention>@[A-Za-z][A-Za-z0-9_]{3,31})\b"
    r"|(?<![\w#])(?P<hashtag>#\w*[^\W\d]\w*)"
)


def utf16_length(text: str) -> int:
    """How many UTF-16 units the text takes."""
    return len(text) + sum(character > "\uffff" for character in text)


@dataclass(slots=True)
class _Open:
    """A tag whose end has not come yet."""

    tag: str
    offset: int
    extra: Entity = field(default_factory=dict)


class _Parser:
    """One pass over the source, as Telegram's own parser makes it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.text: list[str] = []
        self.length = 0
        self.open: list[_Open] = []
        self.entities: list[Entity] = []

    def run(self) -> tuple[str, list[Entity]]:
        while self.position < len(self.source):
            if self.source[self.position] != "<":
                self._character()
            elif self.source.startswith("</", self.position):
                self._end()
            else:
                self._start()
        if self.open:
            raise _unparsed(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        return "".join(self.text), self.entities

    def _character(self) -> None:
        reference = _REFERENCE.match(self.source, self.position)
        piece = unescape(reference[0]) if reference else self.source[self.position]
        self.position += len(reference[0]) if reference else 1
        self.text.append(piece)
        self.length += utf16_length(piece)

    def _start(self) -> None:
        begin = self.position
        name = _NAME.match(self.source, begin + 1)
        if name is None or name.end() == len(self.source):
            raise self._at(begin, "Unclosed start tag")
        tag = name[0].lower()
        if tag not in STYLES:
            raise self._at(begin, f'Unsupported start tag "{tag}"')
        close = self._close(begin, "start")
        attributes = {
            match[1].lower(): next((unescape(value) for value in match.groups()[1:] if value is not None), "")
            for match in _ATTRIBUTE.finditer(self.source[name.end() : close])
        }
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise self._at(begin, 'Tag "span" must have class "tg-spoiler"')
        self.open.append(_Open(tag, self.length, _extra(tag, attributes)))
        self.position = close + 1

    def _end(self) -> None:
        begin = self.position
        if not self.open:
            raise self._at(begin, "Unexpected end tag")
        close = self._close(begin, "end")
        tag, top = self.source[begin + 2 : close].strip().lower(), self.open.pop()
        if tag and tag != top.tag:
            raise self._at(begin, "Unmatched end tag", f', expected "</{top.tag}>", found "</{tag}>"')
        self.position = close + 1
        if entity := self._entity(top):
            self.entities.append(entity)

    def _entity(self, top: _Open) -> Entity | None:
        if self.length == top.offset:
            return None
        entity = {"type": STYLES[top.tag], "offset": top.offset, "length": self.length - top.offset} | top.extra
        if top.tag == "code" and "language" in top.extra:
            # <pre><code class="language-x">: the language belongs to the block around it.
            if self.open and self.open[-1].tag == "pre" and self.open[-1].offset == top.offset:
                self.open[-1].extra = {"language": top.extra["language"]}
                return None
            entity.pop("language")
        return None if top.tag == "a" and not entity.get("url") else entity

    def _close(self, begin: int, which: str) -> int:
        quote = ""
        for index in range(begin + 1, len(self.source)):
            character = self.source[index]
            if quote:
                quote = "" if character == quote else quote
            elif character in "\"'":
                quote = character
            elif character == ">":
                return index
        raise self._at(begin, f"Unclosed {which} tag")

    def _at(self, begin: int, problem: str, detail: str = "") -> Exception:
        return _unparsed(f"{problem} at byte offset {len(self.source[:begin].encode())}{detail}")


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Return the text and its entities; raise the 400 that Telegram answers for what it cannot parse."""
    return _trim(*_Parser(source).run())


def find_entities(text: str) -> list[Entity]:
    """Return what Telegram finds by itself: commands, links, mentions and hashtags."""
    return [
        {"type": match.lastgroup, "offset": utf16_length(text[: match.start()]), "length": utf16_length(match[0])}
        for match in _FOUND.finditer(text)
    ]


def with_found(text: str, entities: list[Entity]) -> list[Entity]:
    """Return the entities given, and those found where none was given, in the order of the text."""
    taken = [(entity["offset"], entity["offset"] + entity["length"]) for entity in entities]
    found = [
        entity
        for entity in find_entities(text)
        if not any(start < entity["offset"] + entity["length"] and entity["offset"] < end for start, end in taken)
    ]
    return sorted([*entities, *found], key=lambda entity: (entity["offset"], -entity["length"]))


def _extra(tag: str, attributes: dict[str, str]) -> Entity:
    if tag == "a":
        return {"url": attributes.get("href", "")}
    if tag == "code" and attributes.get("class", "").startswith("language-"):
        return {"language": attributes["class"].removeprefix("language-")}
    if tag == "tg-emoji":
        return {"custom_emoji_id": attributes.get("emoji-id", "")}
    return {"type": "expandable_blockquote"} if tag == "blockquote" and "expandable" in attributes else {}


def _trim(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Cut white space at both ends, as Telegram does, and the entities with it."""
    start = utf16_length(text[: len(text) - len(text.lstrip())])
    text = text.strip()
    end, kept = utf16_length(text), []
    for entity in entities:
        first, last = max(0, entity["offset"] - start), min(end, entity["offset"] + entity["length"] - start)
        if first < last:
            kept.append(entity | {"offset": first, "length": last - first})
    return text, sorted(kept, key=lambda entity: (entity["offset"], -entity["length"]))


def _unparsed(problem: str) -> Exception:
    return bad_request(f"can't parse entities: {problem}")
