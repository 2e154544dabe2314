"""The alerts about models, end to end: a key that is refused and a model that fails, at a real instance, and who is told."""

from __future__ import annotations

import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import Sandbox, until
from tests.process.observability.conftest import Watch

CHATS = range(2001, 2005)
pytestmark = [
    pytest.mark.needs("prometheus"),
    pytest.mark.needs("prometheus-alertmanager"),
    pytest.mark.timeout(180),
]


@pytest.fixture
def waits() -> dict[str, str]:
    """Five minutes of a model that is down would be five minutes of a test."""
    return {"ModelDown": "4s"}


def test_a_key_that_is_refused_pages_the_operator_until_it_is_taken(
    watch: Watch, launch: Launch, sandbox: Sandbox
) -> None:
    """Nothing is sold meanwhile, so nobody but the operator can notice for long."""
    sandbox.set_faults(provider_key_wrong="on")
    instance = launch("one")
    instance.wait_role("ACTIVE")
    watch.scrape(instance)
    _, page = until(
        lambda: watch.receiver.first("ProviderMisconfigured"), lambda: f"the page; came: {watch.receiver.alerts()}"
    )
    assert page["labels"]["severity"] == "critical"
    assert page["annotations"]["runbook_url"] == "runbooks.md#providermisconfigured"
    sandbox.set_faults(provider_key_wrong="off")
    firing = 'ALERTS{alertname="ProviderMisconfigured",severity="critical"}'
    until(lambda: not watch.prometheus.query(firing), "the page has ended", 60)
    assert set(watch.receiver.alerts()) == {"ProviderMisconfigured"}


def test_a_model_of_which_nothing_comes_is_told_by_its_name(watch: Watch, launch: Launch, sandbox: Sandbox) -> None:
    """Four in a row open its breaker, so there is no fifth one that the alert could wait for."""
    sandbox.set_faults(provider_latency="0", provider_fail="500")
    instance = launch("one")
    instance.wait_role("ACTIVE")
    watch.scrape(instance)
    watch.wait_evaluations(2)
    assert watch.receiver.alerts() == []
    for chat in CHATS:
        sandbox.write("a red fox", chat)
        sandbox.wait_for("the quote", lambda message: "Generate" in message["buttons"], chat)
        sandbox.press("Generate", chat)
        sandbox.wait_for("the failure", lambda message: "Nothing was charged" in message["text"], chat)
    _, page = until(lambda: watch.receiver.first("ModelDown"), lambda: f"the page; came: {watch.receiver.alerts()}")
    assert (page["labels"]["model"], page["labels"]["severity"]) == ("z-image", "critical")
    assert page["annotations"]["summary"] == "z-image is down: 100% of its generations fail"
