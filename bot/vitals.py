"""How everything that makes generations is doing, as one term knows it: asked from memory, told by what happens.

    numbers (by the hour) ──┐
    ends of generations ────┼──▶ standings ──▶ routing, cards, confirmations
    the operator's account ─┘

Only the ACTIVE's own term has one; the next begins with closed breakers and an account nobody has asked yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, Literal

from bot.breaker import Breaker, State
from bot.health import CLOSED, UNMEASURED, Recent, Standing, Standings, health
from bot.ledger import MILLI
from bot.numbers import Outcome
from bot.ports import Health
from bot.sale import STOPS, Sale, Stop
from telemetry import emit, events

Refusal = Stop | Literal["model"]
"""Why nothing is sold now: the operator's key or credit, or this model is failing."""

DRAWN: Final[Mapping[State, float]] = {"closed": 0.0, "half_open": 1.0, "open": 2.0}
"""What the gauge of a breaker shows."""

AT_FAULT: Final[frozenset[Outcome]] = frozenset({"provider_error", "timeout"})


class Vitals:
    """What one term knows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.sale = Sale()
        self._clock = clock
        self._health: Mapping[str, Health] = {}
        self._breakers: dict[str, Breaker] = {}
        self._shown: dict[str, State] = {}

    def health_of(self, model_id: str) -> Health:
        """Return what was measured of a model."""
        return self._health.get(model_id, UNMEASURED)

    @property
    def now(self) -> float:
        """The time that standings are asked with."""
        return self._clock()

    @property
    def standings(self) -> Standings:
        """How every model stands that anything is known of."""
        return {
            model_id: Standing(self.health_of(model_id), self._breakers.get(model_id, CLOSED))
            for model_id in {*self._health, *self._breakers}
        }

    def refuses(self, model_id: str, price: int) -> Refusal | None:
        """Return why a generation at this price, in milli-credits, cannot be sold now; None when it can."""
        stop = self.sale.stops(Decimal(price) / MILLI)
        if stop is not None:
            return stop
        return None if self._breaker(model_id).allows(self._clock()) else "model"

    def ordered(self, model_id: str) -> None:
        """Hear that an order is being given."""
        self._become(model_id, self._breaker(model_id).ordered(self._clock()))

    def ended(self, model_id: str, outcome: Outcome, code: str = "") -> None:
        """Hear how a generation ended; a refusal of the operator is no fault of the model, nor is what users do."""
        if outcome == "provider_error" and code in STOPS:
            self.account(self.sale.refused(code))
        elif outcome == "success" or outcome in AT_FAULT:
            is_fault = outcome in AT_FAULT
            self._become(model_id, self._breaker(model_id).ended(self._clock(), is_fault=is_fault))

    def account(self, sale: Sale) -> None:
        """Hear how the operator's account stands."""
        before, self.sale = self.sale, sale
        if sale.stopped is not None and sale.stopped != before.stopped:
            emit(events.SellingStopped(reason=sale.stopped))
        elif sale.stopped is None and before.stopped is not None:
            emit(events.SellingResumed(credits=str(sale.credits)))

    def measured(self, recent: Mapping[str, Recent]) -> None:
        """Hear the numbers of the last hour and day."""
        self._health = {model_id: health(found) for model_id, found in recent.items()}
        for model_id in self._breakers:
            self._show(model_id)

    def forget(self) -> None:
        """Show nothing any more: the term is over, and this instance knows no longer."""
        self._breakers = dict.fromkeys(self._breakers, CLOSED)
        for model_id in self._breakers:
            self._show(model_id)

    def _breaker(self, model_id: str) -> Breaker:
        return self._breakers.get(model_id, CLOSED)

    def _become(self, model_id: str, breaker: Breaker) -> None:
        self._breakers[model_id] = breaker
        self._show(model_id)

    def _show(self, model_id: str) -> None:
        breaker = self._breakers[model_id]
        state = breaker.state(self._clock())
        if state != self._shown.get(model_id, "closed"):
            self._shown[model_id] = state
            emit(
                events.CircuitChanged(model=model_id, state=state, value=DRAWN[state], cooling_seconds=breaker.cooling)
            )
