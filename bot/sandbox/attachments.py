"""What people attach: files with a caption, several of them as an album where Telegram's apps make one."""

from __future__ import annotations

import secrets
from itertools import groupby
from typing import Any, Final

from bot.sandbox import medium
from bot.sandbox.entities import find_entities
from bot.sandbox.errors import ApiError, bad_request
from bot.sandbox.medium import DOCUMENT, PHOTO
from bot.sandbox.methods.content import MAX_CAPTION
from bot.sandbox.parameters import Upload
from bot.sandbox.people import Writer, said
from bot.sandbox.records import Message, StoredFile
from bot.sandbox.world import World

MAX_FILES: Final = 10


async def attach(world: World, writer: Writer, given: list[Upload], caption: str, kind: str) -> list[Message]:
    """Let a person send files, as `kind` or as what their app makes of each; the caption is the first one's."""
    caption = caption.strip()
    if not given:
        raise bad_request("there is no file")
    if len(caption) > MAX_CAPTION:
        raise bad_request(f"the caption is longer than {MAX_CAPTION} characters")
    if kind and kind not in medium.FOLDERS:
        raise bad_request(f"a file is sent as {', '.join(medium.FOLDERS)}, not as {kind!r}")
    writer.check()
    files = [await _kept(world, each, kind) for each in given]
    contents = [medium.content(each) for each in files]
    for numbers in _albums([each[-1].kind for each in files]):
        group = {"media_group_id": str(secrets.randbits(62))} if len(numbers) > 1 else {}
        for number in numbers:
            contents[number] |= group
    if caption:
        found = find_entities(caption)
        contents[0] |= {"caption": caption} | ({"caption_entities": found} if found else {})
    async with world.book.writing():
        return said(world, writer, contents)


async def _kept(world: World, given: Upload, kind: str) -> list[StoredFile]:
    """Keep a file; one that only looks like a photo is sent as it is, unless it must be one."""
    bot_id = world.chats.desk.bot_id
    chosen = kind or medium.picked(medium.mime_of(given.filename, given.mime))
    try:
        return await world.files.keep(bot_id, chosen, given, remade=True)
    except ApiError:
        if kind or chosen != PHOTO:
            raise
        return await world.files.keep(bot_id, DOCUMENT, given)


def _albums(kinds: list[str]) -> list[list[int]]:
    """Return the numbers of the files that follow each other and can be in one album."""
    together: list[Any] = [medium.TOGETHER.get(kind, number) for number, kind in enumerate(kinds)]
    return [list(numbers) for _, numbers in groupby(range(len(kinds)), key=lambda number: together[number])]
