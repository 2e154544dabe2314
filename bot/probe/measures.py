"""What a measurement finds, and how much work one file may make."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measures:
    """How long a file lasts and the sides of its picture; 0 is what is not known."""

    seconds: float = 0.0
    width: int = 0
    height: int = 0

    @property
    def pixels(self) -> int:
        """The size of the picture."""
        return self.width * self.height


class Unmeasurable(ValueError):
    """The file is not what it begins like, or takes more work than it is worth."""


class Steps:
    """The steps left for one file: whoever made it, measuring it comes to an end soon."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, count: int = 1) -> None:
        """Take steps; raise Unmeasurable when there are none left."""
        self._left -= count
        if self._left < 0:
            raise Unmeasurable("there is too much in it")
