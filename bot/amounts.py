"""An amount of credits as somebody writes it: "20", "0.5", "1,5". Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, Literal

from bot.ledger import to_milli

Problem = Literal["not_a_number", "negative", "zero", "too_fine", "huge"]

LARGEST_CREDITS: Final = 1_000_000
"""Of one order: more is a slip of the finger."""
THOUSANDTH: Final = Decimal("0.001")
NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,30}(?:[.,][0-9]{0,30})?|[.,][0-9]{1,30})", re.ASCII)


class AmountProblem(ValueError):
    """No amount that can be moved; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"reading an amount of credits: {problem}")
        self.problem: Problem = problem


def parse(written: str) -> int:
    """Return the milli-credits; raise AmountProblem for all that is not above zero, exact, and within reason."""
    if not NUMBER.fullmatch(written):
        raise AmountProblem("not_a_number")
    amount = Decimal(written.replace(",", "."))
    if amount <= 0:
        raise AmountProblem("negative" if amount else "zero")
    if amount > LARGEST_CREDITS:
        raise AmountProblem("huge")
    if amount != amount.quantize(THOUSANDTH):
        raise AmountProblem("too_fine")
    return to_milli(amount)
