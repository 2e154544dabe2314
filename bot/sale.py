"""Whether anything can be sold at all: not with a key that is refused, not with an empty account at the provider.

    selling ──an order is refused: 401, 433 key, 402 balance──▶ stopped ──the account answers, with credits──▶ selling
       └──────the account answers: no credits, or no such key──────▲

Invariant: what costs more than the account is known to hold is not sold either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

Stop = Literal["key", "balance"]

STOPS: Final[Mapping[str, Stop]] = {"401": "key", "433": "key", "402": "balance"}
"""What a refusal of the provider says about the operator, not about the model that was asked for."""


@dataclass(frozen=True, slots=True)
class Sale:
    """How the operator's account stands; `credits` None while nobody knows."""

    credits: Decimal | None = None
    stopped: Stop | None = None

    def told(self, credits_: Decimal) -> Sale:
        """Return the sale after the account has answered."""
        return Sale(credits_, None if credits_ > 0 else "balance")

    def refused(self, code: str) -> Sale:
        """Return the sale after the provider refused a call with this code."""
        return replace(self, stopped=STOPS.get(code, self.stopped))

    def stops(self, price: Decimal) -> Stop | None:
        """Return why something that costs the operator so many credits cannot be sold; None when it can."""
        if self.stopped is None and self.credits is not None and self.credits < price:
            return "balance"
        return self.stopped
