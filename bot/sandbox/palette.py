"""Which colours and weather a prompt asks for: pure."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from typing import Final

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """The sky from top to horizon, the light in it, the land from far to near, and the weather."""

    sky: tuple[Rgb, Rgb, Rgb]
    light: Rgb
    land: tuple[Rgb, Rgb]
    low_sun: bool = True
    stars: int = 0
    clouds: int = 7
    snow: int = 0
    trees: int = 16
    water: bool = False
    rough: float = 1.0


DAWN: Final = Palette(
    ((58, 64, 122), (214, 120, 128), (255, 206, 150)), (255, 238, 206), ((170, 110, 140), (44, 32, 66))
)
SUNSET: Final = Palette(((46, 32, 84), (222, 88, 78), (255, 190, 96)), (255, 226, 150), ((176, 84, 92), (40, 22, 48)))
DAY: Final = Palette(
    ((62, 134, 214), (140, 196, 236), (226, 242, 246)), (255, 252, 232), ((128, 168, 196), (30, 74, 70)), low_sun=False
)
NIGHT: Final = Palette(
    ((8, 12, 34), (26, 42, 88), (84, 98, 150)), (246, 240, 214), ((52, 66, 112), (8, 12, 26)), False, 260, 3
)
WINTER: Final = Palette(
    ((92, 128, 176), (170, 196, 222), (244, 236, 236)), (255, 248, 236), ((196, 212, 230), (74, 98, 130)), snow=420
)
DESERT: Final = Palette(
    ((84, 146, 190), (244, 206, 150), (255, 232, 190)), (255, 248, 220), ((226, 164, 110), (150, 74, 44)),
    trees=0, clouds=2, rough=0.55,
)  # fmt: skip
SPRING: Final = Palette(
    ((94, 150, 196), (196, 222, 214), (252, 238, 214)), (255, 250, 224), ((150, 186, 160), (36, 82, 58)), low_sun=False
)

MOODS: Final = (DAWN, SUNSET, DAY, SPRING)

_WORDS: Final[tuple[tuple[str, Palette], ...]] = (
    (r"night|moon|star|space|galax|dark|cyber|neon|ноч|лун|звёзд|звезд|космос|галакт|тёмн|темн|неон", NIGHT),
    (r"snow|winter|ice|frost|arctic|christmas|снег|снеж|зим|лёд|лед|мороз|новогод", WINTER),
    (r"desert|dune|camel|egypt|mars|пустын|дюн|верблюд|египет|марс", DESERT),
    (r"sunset|autumn|fire|evening|warm|закат|осен|огон|огн|вечер", SUNSET),
    (r"sunrise|dawn|morning|pink|romant|рассвет|утр|розов", DAWN),
    (r"forest|spring|green|garden|meadow|field|лес|весн|зелён|зелен|сад|луг|поле", SPRING),
    (r"day|sun|summer|sky|mountain|ден|солн|лет|неб|гор", DAY),
)
_WATER = re.compile(
    r"\b(sea|ocean|lake|river|water|boat|ship|beach|island|мор|океан|озер|рек|вод|лодк|корабл|пляж|остров)"
)
_COLOURS: Final[tuple[tuple[str, Rgb], ...]] = (
    (r"\bred\b|красн|рыж|orange|оранж", (214, 84, 52)),
    (r"\bblue\b|син|голуб", (64, 110, 204)),
    (r"gold|yellow|золот|жёлт|желт", (240, 190, 70)),
    (r"purple|violet|фиолет|сирен", (134, 84, 190)),
    (r"\bgreen\b|зелён|зелен", (70, 150, 96)),
)


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Return the colour between two, `share` of the way to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def palette_of(prompt: str, chance: random.Random) -> Palette:
    """Return what the words ask for; without any such word, chance decides among the moods."""
    text = prompt.lower()
    chosen = next((palette for words, palette in _WORDS if re.search(words, text)), None)
    palette = chosen or chance.choice(MOODS)
    water = bool(_WATER.search(text)) or (chosen is None and chance.random() < 0.4)  # noqa: PLR2004 - two in five
    palette = replace(palette, water=water, trees=6 if water and palette.trees else palette.trees)
    for words, colour in _COLOURS:
        if re.search(words, text):
            top, middle, low = palette.sky
            return replace(palette, sky=(top, mix(middle, colour, 0.35), mix(low, colour, 0.18)))
    return palette
