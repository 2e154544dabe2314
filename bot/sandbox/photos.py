"""Photos as Telegram keeps them: really decoded, and in several sizes. Blocking: call it in a thread."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.sandbox.errors import bad_request

if TYPE_CHECKING:
    from PIL import Image

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_SIDES: Final = 10_000
"""Telegram takes photos whose width and height add up to at most this."""
MAX_RATIO: Final = 20
SMALL_SIDES: Final = (90, 320, 800)
LARGEST_SIDE: Final = 2560
"""What a person's app makes of a larger photo."""


@dataclass(frozen=True, slots=True)
class Size:
    """One size of a photo."""

    content: bytes
    mime: str
    suffix: str
    width: int
    height: int


def sizes(content: bytes, *, remade: bool = False) -> list[Size]:
    """Return the sizes of a photo, the smallest first, or raise the 400 that Telegram answers for what is none.

    The largest is the file itself, unlike Telegram's, so that tests find what they sent; `remade` makes it the JPEG
    that a person's app sends.
    """
    from PIL import Image, UnidentifiedImageError  # 8 MB that a sandbox without pictures does without

    try:
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            if width + height > MAX_SIDES or max(width, height) > MAX_RATIO * min(width, height):
                raise bad_request("PHOTO_INVALID_DIMENSIONS")
            image.load()
            kind = image.format or "JPEG"
            flat = _flat(image)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise bad_request("IMAGE_PROCESS_FAILED") from error
    if remade and (kind != "JPEG" or max(width, height) > LARGEST_SIDE):
        largest = _jpeg(flat, LARGEST_SIDE)
    else:
        suffix = {"JPEG": ".jpg"}.get(kind, f".{kind.lower()}")
        largest = Size(content, Image.MIME.get(kind, "image/jpeg"), suffix, width, height)
    return [*(_jpeg(flat, side) for side in SMALL_SIDES if side < max(width, height)), largest]


def _flat(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA", "P"):
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return image.convert("RGB")


def _jpeg(image: Image.Image, side: int) -> Size:
    small = image.copy()
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return Size(buffer.getvalue(), "image/jpeg", ".jpg", small.width, small.height)
