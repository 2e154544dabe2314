"""Writes the prompt under a picture, in a font that has its letters."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image, ImageFont

MAX_LETTERS: Final = 120
_FONTS: Final = (
    "dejavu/DejaVuSans.ttf",
    "liberation/LiberationSans-Regular.ttf",
    "liberation2/LiberationSans-Regular.ttf",
    "noto/NotoSans-Regular.ttf",
    "freefont/FreeSans.ttf",
)
_FOLDERS: Final = ("/usr/share/fonts/truetype", "/usr/share/fonts", "/usr/local/share/fonts")
_LATIN: Final = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya".replace("_", "").split(" "),
        strict=True,
    )
)


def latin(text: str) -> str:
    """Return Cyrillic in Latin letters, and what is neither dropped: Pillow's own font has no other letters."""
    letters = [_LATIN.get(letter.lower(), letter) for letter in text]
    cased = [new.capitalize() if old.isupper() else new for old, new in zip(text, letters, strict=True)]
    return "".join(letter for letter in "".join(cased) if letter.isascii() and letter.isprintable())


def wrap(words: list[str], fits: object, lines: int) -> list[str]:
    """Return at most `lines` lines that fit, the last one cut with an ellipsis when words are left."""
    if not callable(fits):
        raise TypeError("wrap needs a function that says whether a line fits.")
    done: list[str] = []
    line = ""
    for word in words:
        longer = f"{line} {word}".strip()
        if not line or fits(longer):
            line = longer
            continue
        if len(done) == lines - 1:
            return [*done, f"{line} …" if fits(f"{line} …") else f"{line.rpartition(' ')[0]} …"]
        done.append(line)
        line = word
    return [*done, line] if line else done


def write_prompt(image: Image.Image, prompt: str) -> None:
    """Write the prompt's words along the lower edge, over a soft shade."""
    from PIL import Image, ImageDraw

    width, height = image.size
    font, is_complete = _font(max(18, min(width, height) // 30))
    text = " ".join(prompt.split())[:MAX_LETTERS]
    text = text if is_complete else latin(text)
    lines = wrap(text.split(" "), lambda line: font.getlength(line) <= width * 0.86, 2)
    if not any(lines):
        return
    step = int(font.size * 1.35)
    block = step * len(lines) + int(height * 0.045)
    shade = Image.linear_gradient("L").resize((width, block * 2)).point([int(value * 0.62) for value in range(256)])
    image.paste((6, 8, 16), (0, height - block * 2), shade)
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        y = height - block + int(height * 0.01) + number * step
        pen.text((width * 0.07, y), line, font=font, fill=(255, 255, 255))


@cache
def _font(size: int) -> tuple[ImageFont.FreeTypeFont, bool]:
    """Return a font and whether it has Cyrillic letters."""
    from PIL import ImageFont

    for folder in _FOLDERS:
        for name in _FONTS:
            path = Path(folder, name)
            if path.is_file():
                return ImageFont.truetype(str(path), size), True
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType; install its ordinary wheel.")
    return found, False
