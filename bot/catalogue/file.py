"""A user's file as Telegram names it, with what a price may depend on."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Medium = Literal["image", "audio", "video"]


@dataclass(frozen=True, slots=True)
class File:
    """What Telegram tells of a file before anybody has fetched it; None is what it did not tell.

    Of a file of 0 seconds, or of fewer, nothing is known either: its sender told so.
    """

    file_id: str
    media: Medium
    size: int | None = None
    mime: str | None = None
    seconds: int | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        for name in ("size", "seconds", "width", "height"):
            if (told := getattr(self, name)) is not None and told <= 0:
                object.__setattr__(self, name, None)

    @property
    def pixels(self) -> int | None:
        """The picture's size, where both sides are known."""
        return self.width * self.height if self.width and self.height else None


Value = str | int | bool | Decimal | tuple[File, ...]
"""What an input may hold; files are always a tuple, also when there is one."""
