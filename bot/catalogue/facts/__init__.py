"""What is known of the provider's models from outside: data that the catalogue is checked against.

`wire_records.txt` has the input fields of the market's models, `known_models.txt` every model that was ever listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class WireRecord:
    """The input fields that the provider documents for a model."""

    required: frozenset[str]
    optional: frozenset[str]

    @property
    def fields(self) -> frozenset[str]:
        """All of them."""
        return self.required | self.optional


def wire_records() -> Mapping[str, WireRecord]:
    """Return what is documented, by the model's name on the wire; without the models whose fields nobody recorded."""
    found = {}
    for name, fields in _rows("wire_records.txt"):
        words = fields.split()
        required = frozenset(word.rstrip("*") for word in words if word.endswith("*"))
        found[name] = WireRecord(required, frozenset(words) - {f"{each}*" for each in required})
    return {name: record for name, record in found.items() if record.fields}


def known_models() -> Mapping[str, Decimal | None]:
    """Return the credits of each model that was ever listed, for one generation or one unit; None: nobody knows."""
    rows = ((name, rest.rpartition("|")[2].strip()) for name, rest in _rows("known_models.txt"))
    return {name: Decimal(credits_) if credits_ else None for name, credits_ in rows}


def _rows(name: str) -> Iterator[tuple[str, str]]:
    """Yield the first column of each line and the rest; comments are skipped."""
    for line in (files(__name__) / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            first, _, rest = line.partition("|")
            yield first.strip(), rest.strip()
