"""Every metric of models and money is moved by a real run: a picture, a model that fails, an account that is empty."""

from __future__ import annotations

import pytest

from telemetry.catalogue.models import NUMBERS, ROUTING
from tests.process.app.conftest import Launch
from tests.process.app.fleet import Sandbox, until
from tests.process.observability.test_lock_metrics import moved, names

PICTURE = 1001
OTHERS = range(2001, 2005)
LAST = 3001
MODELS = {metric.name for metric in (*ROUTING, *NUMBERS)}
SEEN_ELSEWHERE = {
    # A price below cost is a mistake, and here everything is a gift.
    "bot_model_margin_usd_window",
}
pytestmark = pytest.mark.timeout(150)


def test_every_metric_of_models_moves_in_a_real_run(launch: Launch, sandbox: Sandbox) -> None:
    """A passive instance tells the same of what the database knows."""
    instance = launch("one")
    instance.wait_role("ACTIVE")
    other = launch("two")
    other.wait_role("PASSIVE")
    seen: set[str] = set()

    def has_moved(*wanted: str) -> bool:
        found = names(moved(instance))
        seen.update(found)
        return set(wanted) <= found

    sandbox.set_faults(provider_latency="0")
    _generate(sandbox, PICTURE)
    sandbox.wait_for("the picture", lambda message: message["kind"] == "photo", PICTURE)
    sandbox.set_faults(provider_fail="500")
    for chat in OTHERS:
        _generate(sandbox, chat)
        sandbox.wait_for("the failure", lambda message: "Nothing was charged" in message["text"], chat)
    until(lambda: has_moved("bot_provider_circuit_state"), lambda: f"the breaker; moved: {seen}")
    assert moved(instance)['bot_provider_circuit_state{model="z-image"}'] == 2
    known = ("bot_generations_routed_db_total", "bot_provider_balance_credits", "bot_model_generations_window")
    until(lambda: has_moved(*known), lambda: f"the totals; moved: {seen}")
    sandbox.set_faults(provider_fail="off", provider_no_credit="on")
    _generate(sandbox, LAST)
    until(lambda: has_moved("bot_selling_stopped"), lambda: f"selling stops; moved: {seen}")
    assert MODELS - seen == SEEN_ELSEWHERE
    until(
        lambda: 'bot_selling_stopped{reason="balance"}' in moved(other), "the passive instance tells of it", seconds=20
    )
    assert 'bot_model_generations_window{model="z-image",outcome="provider_error",window="1h"}' in moved(other)


def _generate(sandbox: Sandbox, chat: int) -> None:
    sandbox.write("a red fox", chat)
    sandbox.wait_for("the quote", lambda message: "Generate" in message["buttons"], chat)
    sandbox.press("Generate", chat)
