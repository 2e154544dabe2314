"""A short clip for a prompt: one of a few recordings, with the prompt's own mark in it. Blocking: call it in a thread."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Final

CLIPS: Final = tuple(Path(__file__).with_name("media") / f"clip-{number}.mp4" for number in (1, 2, 3))


def clip(prompt: str) -> bytes:
    """Return an MP4 that plays; the same prompt gives the same bytes, another prompt others."""
    mark = hashlib.blake2b(prompt.encode(errors="replace"), digest_size=32).digest()
    recording = CLIPS[mark[0] % len(CLIPS)].read_bytes()
    # Players skip a box of this type, wherever it stands.
    return recording + struct.pack(">I4s", 8 + len(mark), b"free") + mark
