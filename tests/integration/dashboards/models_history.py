"""What models, money and the ledger live through in the same three hours.

Five models make seven generations a minute. From 85 to 100 min the provider loses nearly all videos of veo3, its breaker
opens, and automatic requests go elsewhere; from 120 to 126 min the provider refuses calls for their number and a queue
stands; from 150 min on music costs nearly what it sells for.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from telemetry.catalogue.models import OPEN_STATES
from tests.integration.dashboards.tally import SECONDS, Add, Tally

DOWN = (85, 100)
LIMITED = (120, 126)
DEARER = 150
HOUR = 3600 // SECONDS
CREDIT_USD, SOLD_USD = 0.005, 0.01
GIFT = 0.1
"""The share of generations that nobody pays."""


@dataclass(frozen=True)
class Model:
    """One of the five: how many a minute, how long they take, what they cost in credits."""

    name: str
    modality: str
    a_minute: float
    seconds: float
    price: float


MODELS = (
    Model("z-image", "image", 4.0, 7, 0.8),
    Model("google/nano-banana", "image", 1.6, 14, 4),
    Model("veo3_fast", "video", 0.6, 130, 60),
    Model("suno-v5", "music", 0.3, 75, 12),
    Model("elevenlabs/text-to-speech", "speech", 0.5, 5, 6),
)
ALL = sum(model.a_minute for model in MODELS)
FUNNEL = (
    ("quoted", 1.6),
    ("held", 1.0),
    ("submitted", 0.99),
    ("succeeded", 0.95),
    ("delivered", 0.945),
    ("charged", 0.945),
)
WAYS = (
    ("cheapest", "z-image", 0.6),
    ("lettering", "google/nano-banana", 0.2),
    ("unhealthy", "google/nano-banana", 0.05),
)
KINDS = (("hold", 1.0), ("charge", 0.945), ("release", 0.05), ("welcome", 0.02), ("topup", 0.03))


def is_down(model: Model, minute: float) -> bool:
    """Whether the provider loses what this model makes."""
    return model.name == "veo3_fast" and DOWN[0] <= minute < DOWN[1]


def outcomes(model: Model, minute: float) -> dict[str, float]:
    """Return how many of a model end how, a second."""
    shares = {"provider_error": 0.012, "timeout": 0.004, "moderation": 0.02, "bad_input": 0.004, "cancelled": 0.01}
    if is_down(model, minute):
        shares |= {"provider_error": 0.55, "timeout": 0.1}
    # A little luck, the same at every run.
    shares = {name: share * (1 + 0.4 * math.sin(minute / 7 + len(name))) for name, share in shares.items()}
    return {
        name: model.a_minute / 60 * share for name, share in {"success": 1 - sum(shares.values()), **shares}.items()
    }


class Models(Tally):
    """What every process shows of models; what the database counts goes on, whoever works."""

    def __init__(self, add: Add) -> None:
        super().__init__(add)
        self._ended: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0])
        self._cost: dict[str, list[float]] = defaultdict(lambda: [0.0])

    def step(self, at: int, minute: float, process: str, *, leads: bool) -> None:
        """Add what a process shows at a moment; it works if it `leads`."""
        self._at, self._process = at, process
        self._work(minute, float(leads))
        self._provider(minute, float(leads))
        self._ledger(float(leads))
        self._numbers()
        self._open(minute)

    def passed(self, minute: float) -> None:
        """Count what ended in the step that begins now, as the database does."""
        for model in MODELS:
            for outcome, rate in outcomes(model, minute).items():
                _grow(self._ended[model.name, outcome], rate * SECONDS)
            _grow(self._ended[model.name, "late"], 0.002 * model.a_minute / 60 * SECONDS)
            dearer = 1.85 if model.name == "suno-v5" and minute >= DEARER else 1.0
            made = outcomes(model, minute)["success"] * SECONDS
            _grow(self._cost[model.name], made * model.price * CREDIT_USD * dearer)

    def recorded(self) -> Iterator[tuple[str, dict[str, str], float]]:
        """Return what the rules of the last hours' failures record."""
        shares: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for model in MODELS:
            ended = {key[1]: _window(values, "1h") for key, values in self._ended.items() if key[0] == model.name}
            bad = ended["provider_error"] + ended["timeout"]
            whole = sum(ended.values()) - ended["late"]
            shares[model.modality].append((bad, whole))
            labels = {"model": model.name, "modality": model.modality}
            yield "job_model_modality:bot_generation_errors:ratio_rate1h", labels, bad / whole
        for modality, parts in shares.items():
            share = sum(bad for bad, _ in parts) / sum(whole for _, whole in parts)
            for window, calmer in (("1h", 1), ("6h", 3)):
                yield f"job_modality:bot_generation_errors:ratio_rate{window}", {"modality": modality}, share / calmer

    def _work(self, minute: float, at_work: float) -> None:
        for model in MODELS:
            labels = {"model": model.name, "modality": model.modality}
            for outcome, rate in outcomes(model, minute).items():
                self._count("bot_generations_total", at_work * rate, **labels, outcome=outcome)
            is_open = DOWN[0] + 3 <= minute < DOWN[1] + 6 and model.name == "veo3_fast"
            half = minute % 8 > 6
            self._show("bot_provider_circuit_state", at_work * is_open * (1 if half else 2), model=model.name)
        for modality in ("image", "video", "music", "speech"):
            made = [model for model in MODELS if model.modality == modality]
            rate = sum(model.a_minute for model in made) / 60
            self._spread("bot_generation_duration_seconds", at_work * rate, made[0].seconds, modality=modality)
        for reason, _, a_minute in WAYS:
            down = 4 if reason == "unhealthy" and DOWN[0] <= minute < DOWN[1] else 1
            self._count("bot_router_decisions_total", at_work * down * a_minute / 60, requested="words", reason=reason)
        fallback = 0.5 / 60 if DOWN[0] <= minute < DOWN[1] else 0.0
        self._count("bot_router_decisions_total", at_work * fallback, requested="best_price", reason="fallback")
        for step, share in FUNNEL:
            self._count("bot_generation_steps_total", at_work * share * ALL / 60, step=step)
        failing = 0.5 if DOWN[0] <= minute < DOWN[1] else 0.05
        for step, share in (("failed", failing), ("released", failing), ("unknown", 0.002)):
            self._count("bot_generation_steps_total", at_work * share * ALL / 60, step=step)
        self._count("bot_generation_step_errors_total", at_work * 0.001 * ALL / 60)
        self._count("bot_generations_underpriced_total", at_work * 0.002 * ALL / 60, model=MODELS[0].name)
        for outcome, share in (("delivered", 0.004), ("nothing", 0.01), ("undeliverable", 0.001)):
            self._count("bot_generations_late_total", at_work * share * ALL / 60, outcome=outcome)

    def _provider(self, minute: float, at_work: float) -> None:
        limited = LIMITED[0] <= minute < LIMITED[1]
        calls = (("create", 1.0, 0.4), ("poll", 6.0, 0.12), ("upload", 0.3, 2.2), ("balance", 0.15, 0.1))
        for operation, share, seconds in calls:
            rate = at_work * share * ALL / 60
            refused = 0.4 if limited and operation == "create" else 0.0
            for code, part in (("200", 0.99 - refused), ("429", refused), ("timeout", 0.004), ("422", 0.006)):
                name = "bot_provider_requests_total"
                self._count(name, rate * part, provider="kie", operation=operation, code=code)
            name = "bot_provider_request_seconds"
            self._spread(name, rate, seconds, provider="kie", operation=operation)
        for outcome, share in (("applied", 0.9), ("late", 0.05), ("forged", 0.001)):
            self._count("bot_callbacks_total", at_work * share * ALL / 60, outcome=outcome)

    def _ledger(self, at_work: float) -> None:
        for kind, share in KINDS:
            self._count("bot_ledger_posts_total", at_work * share * ALL / 60, kind=kind)
            self._show("bot_ledger_posts_db_total", 9000 + share * self._all(), kind=kind)
            self._show("bot_ledger_credits_db_total", 30_000 + 7 * share * self._all(), kind=kind)
        for reason, share in (("insufficient", 0.03), ("conflict", 0.0005)):
            self._count("bot_ledger_refused_total", at_work * share * ALL / 60, reason=reason)
        self._count("bot_ledger_refunds_short_total", at_work * 0.0003 * ALL / 60)
        self._show("bot_ledger_drift_credits", 0)
        self._show("bot_ledger_negative_balances", 0)
        self._show("bot_ledger_audited_timestamp_seconds", self._at - self._at % 3600 + 12)

    def _numbers(self) -> None:
        """What every instance reads of the hours' rows."""
        for model in MODELS:
            for window in ("1h", "24h"):
                ended = {key[1]: _window(rows, window) for key, rows in self._ended.items() if key[0] == model.name}
                for outcome, number in ended.items():
                    labels = {"model": model.name, "outcome": outcome, "window": window}
                    self._show("bot_model_generations_window", number, **labels)
                made, cost = ended.get("success", 0.0), _window(self._cost[model.name], window)
                if made == 0:
                    continue
                charged = made * model.price
                for name, value in (
                    ("charged_credits", charged),
                    ("cost_usd", cost),
                    ("given_cost_usd", cost * GIFT),
                    ("margin_usd", (1 - GIFT) * (charged * SOLD_USD - cost)),
                    ("cost_per_success_usd", cost / made),
                    ("seconds_per_success", model.seconds * 1.2),
                ):
                    self._show(f"bot_model_{name}_window", value, model=model.name, window=window)
            made = self._ended[model.name, "success"][-1]
            charged = 400 + made * model.price
            self._show("bot_generation_charged_credits_db_total", charged, model=model.name)
            self._show("bot_generation_cost_db_usd_total", 2 + self._cost[model.name][-1], model=model.name)
        for reason, routed, a_minute in WAYS:
            labels = {"requested": "words", "routed": routed, "reason": reason}
            self._show("bot_generations_routed_db_total", 50 + self._all() * a_minute / ALL, **labels)
        spent = sum(values[-1] for values in self._cost.values()) / CREDIT_USD
        self._show("bot_provider_balance_credits", 32_000 - spent, provider="kie")
        for reason in ("key", "balance"):
            self._show("bot_selling_stopped", 0, reason=reason)

    def _open(self, minute: float) -> None:
        limited = LIMITED[0] <= minute < LIMITED[1] + 4
        usual = {"held": 60.0 if limited else 1.0, "submitted": 4 + 2 * math.sin(minute / 5), "succeeded": 1.0}
        for state in OPEN_STATES:
            self._show("bot_generations_open", round(usual.get(state, 0.0)), state=state)
        for model in MODELS:
            age = model.seconds * (1.5 + 0.5 * math.sin(minute / 3))
            self._show("bot_generation_oldest_open_seconds", age + 90 * limited, model=model.name)
        self._show("bot_generation_overdue_seconds", 28 if 60 <= minute <= 60.5 else 0.3)
        for state, holds in (("open", 8 + 60 * limited), ("expired", 0), ("stranded", 0)):
            self._show("bot_ledger_holds", holds, state=state)

    def _all(self) -> float:
        return sum(values[-1] for values in self._ended.values())


def _grow(values: list[float], by: float) -> None:
    values.append(values[-1] + by)


def _window(values: list[float], window: str) -> float:
    """Return what was added within the window; of a day there are three hours."""
    return values[-1] - (values[-HOUR - 1] if window == "1h" and len(values) > HOUR else 0.0)
