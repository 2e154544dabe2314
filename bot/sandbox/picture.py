"""Draws a landscape from a prompt: the same prompt and shape always give the same picture.

The words choose the palette and the weather (night, snow, sea …), a hash of the prompt everything else. Drawn at
twice the size and scaled down, which is what smooths the edges. Blocking: call it in a thread.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.sandbox.palette import Palette, Rgb, mix, palette_of
from bot.sandbox.writing import write_prompt

if TYPE_CHECKING:
    from PIL import Image

SIZES: Final = {"1:1": (1024, 1024), "4:3": (1152, 864), "3:4": (864, 1152), "16:9": (1280, 720), "9:16": (720, 1280)}
SCALE: Final = 2
RIDGES: Final = 5


def draw(prompt: str, aspect_ratio: str, variant: int = 0) -> bytes:
    """Return the picture as JPEG; another variant is another landscape in the same mood."""
    from PIL import Image  # imported late: a sandbox that never draws does without it

    width, height = SIZES[aspect_ratio]
    seed = f"{aspect_ratio}\n{prompt}" + f"\n{variant}" * bool(variant)
    chance = random.Random(hashlib.blake2b(seed.encode(errors="replace")).digest())  # noqa: S311 - a drawing
    scene = _Scene(width * SCALE, height * SCALE, palette_of(prompt, chance), chance)
    image = scene.paint().resize((width, height), Image.Resampling.LANCZOS)
    write_prompt(image, prompt)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


@dataclass(slots=True)
class _Scene:
    """One picture in the making, back to front."""

    width: int
    height: int
    palette: Palette
    chance: random.Random

    def paint(self) -> Image.Image:
        image = self._sky()
        self._stars(image)
        self._sun(image)
        self._clouds(image)
        horizon = self.height * (0.52 if self.palette.water else 0.46)
        for index in range(RIDGES):
            depth = index / (RIDGES - 1)
            base = horizon + (self.height * (0.14 if self.palette.water else 0.40)) * depth**1.3
            self._ridge(image, base, depth)
        if self.palette.water:
            self._water(image, int(self.height * 0.66))
        if self.palette.trees:
            self._trees(image)
        self._snow(image)
        return image

    def _sky(self) -> Image.Image:
        from PIL import Image, ImageOps

        ramp = Image.linear_gradient("L").resize((self.width, self.height))
        top, middle, low = self.palette.sky
        return ImageOps.colorize(ramp, black=top, mid=middle, white=low, midpoint=110).convert("RGB")

    def _glow(self, image: Image.Image, center: tuple[float, float], radius: float, colour: Rgb, power: float) -> None:
        """Lay a soft round light over the picture."""
        from PIL import Image

        side = int(radius * 2)
        falloff = Image.radial_gradient("L").resize((side, side))
        mask = falloff.point([int(power * 255 * max(0.0, 1 - value / 180) ** 2) for value in range(256)])
        image.paste(colour, (int(center[0] - radius), int(center[1] - radius)), mask)

    def _sun(self, image: Image.Image) -> None:
        from PIL import Image, ImageDraw

        x = self.width * self.chance.uniform(0.24, 0.76)
        y = self.height * (self.chance.uniform(0.30, 0.42) if self.palette.low_sun else self.chance.uniform(0.16, 0.28))
        radius = min(self.width, self.height) * self.chance.uniform(0.055, 0.085)
        self._glow(image, (x, y), radius * 7, self.palette.light, 0.55)
        self._glow(image, (x, y), radius * 2.6, self.palette.light, 0.60)
        disc = Image.new("L", image.size)
        pen = ImageDraw.Draw(disc)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        if self.palette.stars:
            # A bite makes the disc a moon.
            bite, dx = radius * 0.90, radius * 0.42
            pen.ellipse((x - bite + dx, y - bite - dx * 0.7, x + bite + dx, y + bite - dx * 0.7), fill=0)
        image.paste(self.palette.light, (0, 0), disc)

    def _stars(self, image: Image.Image) -> None:
        from PIL import ImageDraw

        pen = ImageDraw.Draw(image)
        for _ in range(self.palette.stars):
            x, y = self.chance.random() * self.width, self.chance.random() ** 1.5 * self.height * 0.55
            size = SCALE * self.chance.choice((0.6, 0.8, 1.0, 1.6))
            colour = mix(self.palette.sky[1], (255, 255, 255), self.chance.uniform(0.45, 1.0))
            pen.ellipse((x - size, y - size, x + size, y + size), fill=colour)

    def _clouds(self, image: Image.Image) -> None:
        from PIL import Image, ImageDraw, ImageFilter

        small = (self.width // 8, self.height // 8)
        mask = Image.new("L", small)
        pen = ImageDraw.Draw(mask)
        for _ in range(self.palette.clouds):
            x, y = self.chance.random() * small[0], small[1] * self.chance.uniform(0.06, 0.42)
            length = small[0] * self.chance.uniform(0.10, 0.26)
            for _ in range(9):
                cx, cy = x + self.chance.gauss(0, 0.4) * length, y + self.chance.gauss(0, 0.05) * length
                w, h = length * self.chance.uniform(0.2, 0.6), length * self.chance.uniform(0.03, 0.09)
                pen.ellipse((cx - w, cy - h, cx + w, cy + h), fill=self.chance.randint(50, 130))
        soft = mask.filter(ImageFilter.GaussianBlur(small[0] / 60)).resize(image.size, Image.Resampling.BICUBIC)
        image.paste(mix(self.palette.sky[2], (255, 255, 255), 0.45), (0, 0), soft)

    def _ridge(self, image: Image.Image, base: float, depth: float) -> None:
        """Draw one range of hills: far ones pale and jagged, near ones dark and round."""
        from PIL import Image, ImageDraw

        heights = self._outline(base, self.height * (0.20 - 0.09 * depth) * self.palette.rough, 0.52 - 0.10 * depth)
        line = [(x * self.width / (len(heights) - 1), y) for x, y in enumerate(heights)]
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).polygon([*line, (self.width, self.height), (0, self.height)], fill=255)
        far, near = self.palette.land
        colour = mix(mix(far, self.palette.sky[2], 0.55 * (1 - depth)), near, depth**1.2)
        image.paste(colour, (0, 0), mask)
        top = int(min(heights))
        power = 0.42 * (1 - 0.75 * depth)
        haze = Image.linear_gradient("L").resize((self.width, max(1, int(self.height * 0.24))))
        full = Image.new("L", image.size, int(255 * power))
        full.paste(0, (0, 0, self.width, top))
        full.paste(haze.point([int(value * power) for value in range(256)]), (0, top))
        image.paste(
            mix(colour, self.palette.sky[2], 0.7), (0, 0), Image.composite(full, Image.new("L", image.size), mask)
        )

    def _outline(self, base: float, height: float, roughness: float) -> list[float]:
        """Return the skyline by midpoint displacement."""
        points, swing = [base + self.chance.uniform(-0.3, 0.3) * height for _ in range(3)], height
        while len(points) < 513:  # noqa: PLR2004 - fine enough for the widest picture
            swing *= roughness
            between = [(a + b) / 2 + self.chance.uniform(-1, 1) * swing for a, b in itertools.pairwise(points)]
            points = [value for pair in zip(points, between, strict=False) for value in pair] + [points[-1]]
        return points

    def _water(self, image: Image.Image, line: int) -> None:
        """Mirror what is above the line, darker and rippled."""
        from PIL import Image, ImageOps

        depth = self.height - line
        mirror = ImageOps.flip(image.crop((0, line - depth, self.width, line)))
        tint = Image.new("RGB", mirror.size, mix(self.palette.land[1], self.palette.sky[1], 0.5))
        mirror = Image.blend(mirror, tint, 0.34)
        for y in range(0, depth, SCALE):
            shift = int(math.sin(y / (3.0 + y / 26)) * (1 + y / 34) * SCALE)
            image.paste(mirror.crop((0, y, self.width, min(depth, y + SCALE))), (shift, line + y))

    def _trees(self, image: Image.Image) -> None:
        from PIL import ImageDraw

        pen, ground = ImageDraw.Draw(image), self.height * 1.01
        dark = mix(self.palette.land[1], (0, 0, 0), 0.35)
        for side in (0.0, 1.0):
            for _ in range(self.palette.trees):
                x = self.width * abs(side - self.chance.random() ** 1.9 * 0.42)
                edge = abs(x / self.width - 0.5) * 2
                tall = self.height * self.chance.uniform(0.10, 0.20) * (0.45 + edge)
                self._pine(pen, (x, ground), tall, mix(dark, self.palette.land[1], self.chance.random() * 0.5))

    def _pine(self, pen: object, foot: tuple[float, float], tall: float, colour: Rgb) -> None:
        from PIL import ImageDraw

        if not isinstance(pen, ImageDraw.ImageDraw):
            raise TypeError(f"A pine needs a pen to be drawn with, not {type(pen).__name__}.")
        x, y = foot
        white = self.palette.snow > 0
        for step in range(6):
            low, wide = y - tall * step * 0.145, tall * (0.25 - 0.035 * step)
            peak = low - tall * 0.27
            pen.polygon([(x - wide, low), (x, peak), (x + wide, low)], fill=colour)
            if white:
                cap = mix(colour, (255, 255, 255), 0.75)
                pen.polygon(
                    [(x - wide * 0.42, low - tall * 0.155), (x, peak), (x + wide * 0.42, low - tall * 0.155)], fill=cap
                )

    def _snow(self, image: Image.Image) -> None:
        from PIL import ImageDraw

        pen = ImageDraw.Draw(image)
        for _ in range(self.palette.snow):
            x, y = self.chance.random() * self.width, self.chance.random() * self.height
            size = SCALE * self.chance.choice((0.8, 1.0, 1.4, 2.0, 2.8))
            pen.ellipse((x - size, y - size, x + size, y + size), fill=mix(self.palette.sky[2], (255, 255, 255), 0.8))
