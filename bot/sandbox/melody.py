"""A short melody for a prompt, from recorded notes in an order of its own. Blocking: call it in a thread."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

NOTES: Final = Path(__file__).with_name("media") / "notes.mp3"
FRAME: Final = 96
FRAMES_A_NOTE: Final = 20
SILENT_FRAMES: Final = 2
"""What the encoder put before the first note."""

COUNT: Final = 8
LENGTH: Final = 12


def melody(prompt: str, variant: int = 0) -> bytes:
    """Return an MP3 of about six seconds; the same prompt and variant always sound the same."""
    recording, size = NOTES.read_bytes(), FRAME * FRAMES_A_NOTE
    begins = [FRAME * SILENT_FRAMES + size * note for note in range(COUNT)]
    chosen = hashlib.blake2b(f"{variant}\n{prompt}".encode(errors="replace"), digest_size=LENGTH).digest()
    return b"".join(recording[begins[each % COUNT] :][:size] for each in chosen)
