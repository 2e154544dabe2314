"""How results go into a chat: which call takes which of them, within Telegram's limits. Pure.

pieces, in order ──▶ parcels, in order: one call each ──▶ all sent: delivered
                                          └─ refused as what it is ──▶ the same parcel once more, as files
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from bot.generation.kinds import KINDS, Way

PHOTO_BYTES: Final = 10_000_000
SEND_BYTES: Final = 50_000_000
"""What a bot can upload with one call."""

ALBUM: Final = 10
MESSAGE_CHARACTERS: Final = 3_500
"""Telegram takes 4096; what frames the text needs the rest."""

Method = Literal["sendMessage", "sendPhoto", "sendVideo", "sendAudio", "sendDocument", "sendMediaGroup"]
METHODS: Final[dict[Way, Method]] = {
    "photo": "sendPhoto",
    "video": "sendVideo",
    "audio": "sendAudio",
    "document": "sendDocument",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One result: a file of `size` bytes that lies at `url`, a file too large to be sent (no size), or a text."""

    place: int
    kind: str
    size: int | None = None
    url: str | None = None
    content: str | None = None
    file_id: str | None = None
    sent_as: Way | None = None

    @property
    def is_file(self) -> bool:
        """Whether it goes as a file; else as words or as a link."""
        return self.size is not None if self.content is None else len(self.content) > MESSAGE_CHARACTERS

    @property
    def bytes(self) -> int:
        """How much of a call it takes."""
        return self.size or len((self.content or "").encode())

    def way(self, *, as_files: bool) -> Way:
        """Return how Telegram is to show it; what it has, it shows only as what it was sent as."""
        if self.sent_as is not None:
            return self.sent_as
        way = KINDS[self.kind].way if self.kind in KINDS else "document"
        return "document" if as_files or (way == "photo" and self.bytes > PHOTO_BYTES) else way


@dataclass(frozen=True, slots=True)
class Parcel:
    """One call; `ways` says for each place how its file is shown, and is empty when no file goes."""

    method: Method
    places: tuple[int, ...]
    ways: tuple[Way, ...] = ()


def parcels(pieces: Sequence[Piece], *, as_files: bool = False) -> list[Parcel]:
    """Return the calls that bring all pieces, in their order: neighbours that Telegram shows together go together."""
    made: list[Parcel] = []
    for together, group in groupby(pieces, lambda piece: _together(piece, as_files=as_files)):
        if together is None:
            made += [Parcel("sendMessage", (piece.place,)) for piece in group]
        else:
            made += [_files(album, as_files=as_files) for album in _albums(list(group))]
    return made


def following(pieces: Sequence[Piece], place: int) -> Parcel | None:
    """Return the first parcel behind the one that ends with this place."""
    return next((parcel for parcel in parcels(pieces) if parcel.places[0] > place), None)


def _together(piece: Piece, *, as_files: bool) -> str | None:
    """Return what it may share an album with: pictures and videos with each other, sounds and files with their like."""
    if not piece.is_file:
        return None
    way = piece.way(as_files=as_files)
    return "shown" if way in {"photo", "video"} else way


def _albums(pieces: Sequence[Piece]) -> list[list[Piece]]:
    albums: list[list[Piece]] = [[]]
    for piece in pieces:
        album = albums[-1]
        if album and (len(album) >= ALBUM or sum(each.bytes for each in album) + piece.bytes > SEND_BYTES):
            albums.append([])
        albums[-1].append(piece)
    return albums


def _files(album: Sequence[Piece], *, as_files: bool) -> Parcel:
    ways = tuple(piece.way(as_files=as_files) for piece in album)
    method: Method = METHODS[ways[0]] if len(ways) == 1 else "sendMediaGroup"
    return Parcel(method, tuple(piece.place for piece in album), ways)
