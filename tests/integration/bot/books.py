"""What the ledger and its generations should do, in a few lines and one at a time; the database must seem to do the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Fate = Literal["commit", "rollback", "kill"]
GIFT = 5_000
STEPS = {"deliver": ("held", "delivered"), "fail": ("held", "failed")}
"""Of a generation, as far as the ledger cares."""


@dataclass(frozen=True, slots=True)
class Step:
    """One movement, asked for by one connection; a step that is not committed must leave nothing."""

    kind: str
    user: int
    reference: int
    amount: int
    fate: Fate = "commit"


@dataclass(slots=True)
class Hold:
    """A hold and the state of its generation."""

    amount: int
    state: str = "held"
    charged: int = 0


@dataclass(slots=True)
class Model:
    """The balances of some users, and everything that was posted under a key."""

    available: dict[int, int]
    holds: dict[tuple[int, int], Hold] = field(default_factory=dict)
    posted: dict[tuple[str, int, int], tuple[int, int]] = field(default_factory=dict)

    def copy(self) -> Model:
        """Return one that goes its own way."""
        holds = {key: Hold(hold.amount, hold.state, hold.charged) for key, hold in self.holds.items()}
        return Model(dict(self.available), holds, dict(self.posted))

    def take(self, step: Step) -> object:
        """Take the step and return what comes of it: "done", "insufficient", "refused", "busy", or what a refund took."""
        if step.fate != "commit":
            return None
        if step.kind in {"topup", "grant", "adjust", "refund", "refer"}:
            return self._post(step)
        if step.kind == "hold":
            return self._hold(step)
        return self._resolve(step)

    def held(self, user: int) -> int:
        """What the open holds of a user sum to."""
        return sum(
            hold.amount
            for (owner, _), hold in self.holds.items()
            if owner == user and hold.state not in {"charged", "released"}
        )

    def _post(self, step: Step) -> object:
        key = (step.kind, step.user, step.reference)
        sign = -1 if step.kind == "adjust" and step.reference % 2 else 1
        if (first := self.posted.get(key)) is not None:
            again = first[1] if step.kind == "refund" else "done"
            return again if first[0] == step.amount else "refused"
        moved = min(step.amount, self.available[step.user]) if step.kind == "refund" else sign * step.amount
        if step.kind == "refund":
            if moved < step.amount and self.held(step.user):
                return "busy"
            self.available[step.user] -= moved
            self.posted[key] = (step.amount, moved)
            return moved
        if self.available[step.user] + moved < 0:
            return "insufficient"
        self.available[step.user] += moved
        self.posted[key] = (step.amount, moved)
        return "done"

    def _hold(self, step: Step) -> object:
        key = (step.user, step.reference)
        if (first := self.holds.get(key)) is not None:
            return "done" if first.amount == step.amount else "refused"
        if step.amount > self.available[step.user]:
            return "insufficient"
        self.available[step.user] -= step.amount
        self.holds[key] = Hold(step.amount)
        return "done"

    def _resolve(self, step: Step) -> object:
        hold = self.holds.get((step.user, step.reference))
        if hold is None:
            return "refused"
        if step.kind in STEPS:
            before, after = STEPS[step.kind]
            if hold.state != before and (step.kind, hold.state) != ("fail", "failed"):
                return "refused"
            hold.state = after
            return "done"
        return self._end(step, hold)

    def _end(self, step: Step, hold: Hold) -> object:
        kind, _, careless = step.kind.partition(" ")
        wanted = min(step.amount, hold.amount) if kind == "charge" else 0
        if hold.state in {"charged", "released"}:
            # A repeat returns the first result; a charge after the release, or of another amount, is refused for ever.
            is_same = (hold.state, hold.charged) == ("charged" if kind == "charge" else "released", wanted)
            return "done" if is_same else "refused"
        if careless or hold.state != ("delivered" if kind == "charge" else "failed"):
            return "refused"
        hold.state, hold.charged = ("charged", wanted) if kind == "charge" else ("released", 0)
        self.available[step.user] += hold.amount - wanted
        return "done"
