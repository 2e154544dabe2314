"""The phrases about a generation that is under way, and about how it ended: HTML, by what the model makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.catalogue import Result
from bot.providers.base import Failure

CODES: Final = ("file_gone", "file_too_large", "file_wrong_type", "451", "queue")
"""Failures that there are closer words for than those of their class."""
FILE_CODES: Final = ("file_unmeasured", "file_longer", "file_larger", "file_too_long", "file_too_many_pixels")
"""Failures of a file that was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationPhrases:
    """What a user reads on the way.

    `reasons` by class, `codes` by what is known more closely, `files` by what was found of a file: `found` is how long it
    lasts, `limit` what the model takes; `field` for an input that the model names.
    """

    working: Mapping[Result, str]
    checking: str
    sending: str
    reasons: Mapping[Failure, str]
    codes: Mapping[str, str]
    files: Mapping[str, str]
    field: str
    late: str
    link: str
