"""How any results go into a chat: all of them, once, in order, within Telegram's limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.generation import parcels as rules
from bot.generation.kinds import KINDS
from bot.generation.parcels import ALBUM, PHOTO_BYTES, SEND_BYTES, Parcel, Piece, following, parcels

SIZES = st.none() | st.integers(min_value=1, max_value=SEND_BYTES)
PIECES = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), SIZES, st.none() | st.text(min_size=1, max_size=9_000)),
    min_size=1,
    max_size=20,
).map(
    lambda found: [
        Piece(place, kind, size, "https://p/1") if content is None else Piece(place, "txt", content=content)
        for place, (kind, size, content) in enumerate(found)
    ]
)


def _places(made: list[Parcel]) -> list[int]:
    return [place for parcel in made for place in parcel.places]


@given(PIECES, st.booleans())
def test_every_result_is_in_one_parcel_in_order(pieces: list[Piece], as_files: bool) -> None:
    """Nothing is left out, nothing comes twice."""
    made = parcels(pieces, as_files=as_files)
    assert _places(made) == [piece.place for piece in pieces]
    assert _places(parcels(pieces, as_files=True)) == _places(parcels(pieces))


@given(PIECES, st.booleans())
def test_no_parcel_is_more_than_telegram_takes(pieces: list[Piece], as_files: bool) -> None:
    """At most ten files and 50 MB in a call, pictures of up to 10 MB as pictures, and only what may share an album."""
    for parcel in parcels(pieces, as_files=as_files):
        files = [pieces[place] for place in parcel.places]
        assert sum(file.bytes for file in files) <= SEND_BYTES or len(files) == 1
        assert len(files) <= ALBUM
        assert (parcel.method == "sendMediaGroup") == (len(parcel.ways) > 1)
        assert (parcel.method == "sendMessage") == (not parcel.ways)
        assert set(parcel.ways) <= {"photo", "video"} or len(set(parcel.ways)) == 1
        assert all(way != "photo" or file.bytes <= PHOTO_BYTES for way, file in zip(parcel.ways, files, strict=False))
        if as_files:
            assert set(parcel.ways) <= {"document"}


@given(PIECES)
def test_parcel_follows_parcel_until_all_are_sent(pieces: list[Piece]) -> None:
    """Whoever knows the last place that was sent finds the rest: a chain without a state of its own."""
    found, place = [], -1
    while (parcel := following(pieces, place)) is not None:
        found.append(parcel)
        place = parcel.places[-1]
    assert found == parcels(pieces)


@given(PIECES)
def test_a_refused_parcel_is_one_parcel_of_files(pieces: list[Piece]) -> None:
    """So that what follows it still follows it."""
    for parcel in parcels(pieces):
        if parcel.ways:
            assert len(parcels([pieces[place] for place in parcel.places], as_files=True)) == 1


def test_a_long_text_is_a_file() -> None:
    """Telegram takes 4096 characters in a message."""
    short, long = (Piece(0, "txt", content="a" * length) for length in (rules.MESSAGE_CHARACTERS, 4_000))
    assert [parcel.method for piece in (short, long) for parcel in parcels([piece])] == ["sendMessage", "sendDocument"]
