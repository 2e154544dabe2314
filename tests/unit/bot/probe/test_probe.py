"""What files show of themselves, whatever their heads say."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from PIL import Image

from bot import probe
from bot.probe import Measures, measure
from bot.sandbox.clip import clip
from bot.sandbox.melody import melody

MP3 = b"\xff\xfb\x90\x00" + bytes(413)
"""A frame of 128 kbit/s at 44.1 kHz: 1152 samples."""
AAC = b"\xff\xf1\x50\x80\x04\x1f\xfc" + bytes(25)
"""A frame of 1024 samples at 44.1 kHz, 32 bytes."""


def wav(seconds: int) -> bytes:
    """Return silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000 * seconds))
    return buffer.getvalue()


def page(position: int, *packets: bytes, flags: int = 0, serial: int = 1) -> bytes:
    """Return a page of whole packets."""
    table = bytes(len(packet) for packet in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, serial, 0, 0, len(packets))
    return head + table + b"".join(packets)


def opus(told: int, packets: int, packet: bytes = b"\x98frame", serial: int = 1) -> bytes:
    """Return a recording whose last page tells so many seconds; a packet of this form lasts 20 ms."""
    heads = page(0, b"OpusHead" + bytes(11), flags=2, serial=serial) + page(0, b"OpusTags", serial=serial)
    full, rest = divmod(packets, 200)
    pages = [page(-1, *[packet] * count, serial=serial) for count in [200] * full + [rest]]
    return heads + b"".join(pages) + page(48_000 * told, flags=4, serial=serial)


def vorbis(told: int, packets: int) -> bytes:
    """Return a recording at 44.1 kHz with blocks of 256 and 2048."""
    head = b"\x01vorbis" + struct.pack("<IBIIIIB", 0, 2, 44_100, 0, 0, 0, 0xB8) + b"\x01"
    data = b"".join(page(-1, *[b"\x00sound"] * 200) for _ in range(packets // 200))
    return page(0, head, flags=2) + page(0, b"\x03vorbis", b"\x05vorbis") + data + page(44_100 * told, flags=4)


def box(name: bytes, *parts: bytes) -> bytes:
    """Return an MP4's box."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def track(
    told: int,
    ticks: int = 1,
    samples: int = 0,
    *,
    scale: int = 1000,
    number: int = 1,
    form: bytes = b"avc1",
    runs: int = 1,
) -> bytes:
    """Return a track of so many told seconds, and of so many samples of so many ticks."""
    return box(
        b"trak",
        box(b"tkhd", struct.pack(">IIII", 0, 0, 0, number), bytes(60), struct.pack(">II", 320 << 16, 240 << 16)),
        box(
            b"mdia",
            box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, scale, told * scale, 0)),
            box(
                b"minf",
                box(
                    b"stbl",
                    box(b"stsd", struct.pack(">II", 0, 1), box(form, bytes(24), struct.pack(">I", 44_100 << 16))),
                    box(b"stts", struct.pack(">II", 0, runs) + struct.pack(">II", samples, ticks) * runs),
                ),
            ),
        ),
    )


def mp4(told: int, *tracks: bytes, brand: bytes = b"isom", fragments: bytes = b"") -> bytes:
    """Return a film whose head tells so many seconds."""
    head = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, told * 1000))
    extends = box(b"mvex", box(b"trex", struct.pack(">IIIIII", 0, 1, 1, 40, 0, 0)))
    return box(b"ftyp", brand, bytes(4)) + box(b"moov", head, *tracks, extends) + fragments


def fragment(count: int, ticks: int | None = None) -> bytes:
    """Return so many samples of track 1, of their own ticks or of the usual 40."""
    run = struct.pack(">II", 0 if ticks is None else 0x100, count) + struct.pack(">I", ticks or 0) * count * bool(ticks)
    return box(b"moof", box(b"traf", box(b"tfhd", struct.pack(">II", 0, 1)), box(b"trun", run)))


def element(name: str, content: bytes, *, is_open: bool = False) -> bytes:
    """Return an element of Matroska."""
    size = b"\xff" if is_open else struct.pack(">Q", 1 << 56 | len(content))
    return bytes.fromhex(name) + size + content


def matroska(told: float | None, *clusters: tuple[int, int], is_open: bool = False) -> bytes:
    """Return a recording in milliseconds, with a block in each cluster."""
    length = b"" if told is None else element("4489", struct.pack(">d", told * 1000))
    info = element("1549A966", element("2AD7B1", (1_000_000).to_bytes(3)) + length)
    parts = [
        element(
            "1F43B675",
            element("E7", at.to_bytes(4)) + element("A3", b"\x81" + struct.pack(">hB", after, 0)),
            is_open=is_open,
        )
        for at, after in clusters
    ]
    return element("1A45DFA3", b"") + element("18538067", info + b"".join(parts), is_open=is_open)


WHOLE = {
    "mp4": (mp4(7, track(7, 40, 175)), 7),
    "m4a": (mp4(7, track(7, 1024, 301, scale=44_100, form=b"mp4a"), brand=b"M4A "), 7),
    "old mov": (mp4(7, track(7, 40, 175))[16:], 7),
    "fragments": (mp4(0, track(0), fragments=fragment(100) + fragment(75)), 7),
    "fragments of their own": (mp4(0, track(0), fragments=fragment(70, 100)), 7),
    "wav": (wav(7), 7),
    "opus": (opus(7, 350), 7),
    "opus in a row": (opus(3, 150) + opus(4, 200, serial=2), 7),
    "vorbis": (vorbis(7, 400), 7),
    "mp3": (b"ID3\x04\0\0\0\0\0\x02\0\0" + MP3 * 268 + b"TAG" + bytes(125), 7),
    "aac": (AAC * 302, 7),
    "webm": (matroska(7, (0, 0), (6900, 50)), 7),
    "webm as it was recorded": (matroska(None, (0, 0), (6000, 1000), is_open=True), 7),
}


@pytest.mark.parametrize("name", WHOLE)
def test_recordings_of_all_common_kinds_are_measured(name: str) -> None:
    """In seconds, to within a frame or two."""
    content, seconds = WHOLE[name]
    assert measure(content).seconds == pytest.approx(seconds, abs=0.06)


def test_a_clip_has_sides_and_a_melody_has_none() -> None:
    """As people send them."""
    seen = measure(clip("a fox"))
    assert seen.seconds > 0
    assert seen.pixels > 0
    heard = measure(melody("a song"))
    assert round(heard.seconds) == 6
    assert heard.pixels == 0


LIES = {
    "mp4: the whole": mp4(1, track(590, 40, 14_750)),
    "mp4: whole and track": mp4(1, track(1, 40, 14_750)),
    "mp4: every sample of sound": mp4(1, track(1, 1, 25_408, scale=44_100, form=b"mp4a")),
    "mp4: a second track": mp4(1, track(1), track(590, number=2)),
    "mp4: a second head": mp4(1, track(1)) + mp4(590, track(590, number=2)),
    "mp4: only fragments": mp4(1, track(1), fragments=fragment(14_750)),
    "mp4: hidden by a box that is too long": box(b"moov", struct.pack(">I4s", 1 << 30, b"free")) + mp4(590, track(590)),
    "wav: the bytes of a second": wav(590)[:28] + struct.pack("<I", 9_440_000) + wav(590)[32:],
    "wav: no size": wav(590)[:40] + bytes(4) + wav(590)[44:],
    "opus: the last page": opus(1, 29_500),
    "opus: the packets": opus(590, 50),
    "mp3: the first frame": b"\xff\xfb\x90\x00"
    + bytes(32)
    + b"Xing"
    + struct.pack(">II", 1, 38)
    + bytes(369)
    + MP3 * 22_590,
    "mp3: more named than there are": b"\xff\xfb\x90\x00"
    + bytes(32)
    + b"Xing"
    + struct.pack(">II", 1, 22_590)
    + bytes(369),
    "mp3: something between": (MP3 + b"\0" * 200) * 22_590,
    "webm: the whole": matroska(1, (0, 0), (589_000, 1000)),
    "webm: blocks without a whole": matroska(None, (589_000, 1000)),
}


@pytest.mark.parametrize("name", LIES)
def test_a_head_that_tells_less_than_there_is_changes_nothing(name: str) -> None:
    """590 seconds stay 590, whichever part says that it is one."""
    assert measure(LIES[name]).seconds == pytest.approx(590, abs=1)


def test_a_vorbis_that_tells_too_little_is_found_to_be_longer() -> None:
    """How long its packets are at least."""
    assert measure(vorbis(1, 25_400)).seconds > 590 / 3


NOTHING = {
    "nothing": b"",
    "words": b"words",
    "riff": b"RIFF",
    "one byte": b"\xff",
    "a tag": b"ID3",
    "a film cut short": clip("x")[:60],
    "boxes of no length": b"\0\0\0\x08ftyp" * 3,
    "two tracks of one number": mp4(1, track(1), track(1)),
    "two heads of one track": mp4(1, track(1).replace(b"stsd", b"mdhd")),
    "a fragment of no track": mp4(1, fragments=fragment(1)),
    "no time": mp4(7, track(7, scale=0)),
    "a packed wav": wav(1)[:20] + b"\x55\0" + wav(1)[22:],
    "an ogg of something else": page(0, b"\x80theora", flags=2),
    "a page of nothing": page(48_000),
    "an ogg behind a tag": b"ID3\x04\0\0\0\0\0\0" + opus(7, 350),
    "a frame before something else": MP3 + bytes(100_000),
    "a length that is no number": matroska(float("nan"), (0, 0)),
    "an element without an end": element("1A45DFA3", b"", is_open=True) + bytes(100),
    "a flac": b"fLaC\0\0\0\x22" + bytes(34),
    "a gif": b"GIF89a\x01\0\x01\0",
    "a jpeg without a frame": b"\xff\xd8\xff\xd9",
    "a webp of another form": b"RIFF\0\0\0\0WEBPVP9 " + bytes(20),
}


@pytest.mark.parametrize("name", NOTHING)
def test_of_what_is_cut_short_or_something_else_nothing_is_known(name: str) -> None:
    """No error either, and never a guess that is too short."""
    assert measure(NOTHING[name]) == Measures()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("more", [{}, {"lossless": True}, {"progressive": True}, {"exif": b"Exif\0\0" + bytes(90)}])
def test_pictures_have_sides(form: str, more: dict[str, object]) -> None:
    """Whatever is in front of them."""
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 1001), "red").save(buffer, form, **more)
    assert measure(buffer.getvalue()) == Measures(0.0, 3000, 1001)


def test_no_beginning_of_a_file_is_an_error() -> None:
    """Wherever an upload broke off, and whichever byte was changed."""
    for whole in (clip("x")[:3000], *(content[:1500] for content, _ in WHOLE.values())):
        for end in range(0, len(whole), 7):
            measure(whole[:end])
            measure(whole[:end] + b"\xff" + whole[end + 1 :])


ENDLESS = {
    "boxes": mp4(7, track(7)) + box(b"free") * 200,
    "pages": opus(7, 1) + page(0) * 200,
    "packets": opus(7, 200),
    "frames": MP3 * 200,
    "samples": mp4(7, track(7, runs=200)),
    "fragments": mp4(7, track(7), fragments=fragment(200, 1)),
    "elements": matroska(7) + element("EC", b"") * 200,
    "chunks": wav(7) + b"JUNK\0\0\0\0" * 200,
    "markers": b"\xff\xd8" + b"\xff\xd0" * 200 + b"\xff\xc0\0\x11\x08\0\x10\0\x10",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_file_that_makes_too_much_work_is_not_measured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever made it to keep this busy."""
    assert measure(ENDLESS[name]) != Measures()
    monkeypatch.setattr(probe, "STEPS", 100)
    assert measure(ENDLESS[name]) == Measures()
