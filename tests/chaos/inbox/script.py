"""What an update of these tests asks of its handler, and how its body says so.

write      writes its effect                     quiet    writes nothing
fail:K     fails K times, then writes            poison   fails always
slow:S     writes and takes S seconds            hang     writes and never ends by itself
kill:K     writes and kills its process K times  deadly   does so always
none       is no update: a dead letter at once, no handler sees it
"""

from __future__ import annotations

import json
from dataclasses import dataclass

POISONOUS = ("poison", "deadly")
"""What can only end as a dead letter."""
SILENT = ("quiet", "none", *POISONOUS)
"""What leaves no effect."""


@dataclass(frozen=True, slots=True)
class Script:
    """One word and its number."""

    word: str
    number: float = 0.0

    @classmethod
    def of(cls, text: str) -> Script:
        """Read it from a text."""
        word, _, number = text.partition(":")
        return cls(word, float(number or 0))

    @classmethod
    def in_body(cls, body: bytes) -> Script:
        """Read it from a row's body."""
        return cls.of(json.loads(body)["script"])

    def __str__(self) -> str:
        return f"{self.word}:{self.number:g}" if self.number else self.word

    @property
    def writes(self) -> bool:
        """Whether it leaves an effect when it is done."""
        return self.word not in SILENT
