"""FREE_MODELS is checked against the catalogue before anything starts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bot.settings import BotSettings
from supervisor import settings
from supervisor.app import mode
from supervisor.errors import ConfigError, ExitCode
from supervisor.settings import Settings

NEEDED = {"TELEGRAM_BOT_TOKEN": "123456:abcDEF", "KIE_API_KEY": "k" * 20, "ADMIN_ID": "7"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The three that are required, and nothing of the machine's own."""
    for model in (Settings, BotSettings):
        for name in (*model.model_fields, "admin_id"):
            monkeypatch.delenv(name.upper(), raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(mode, "ENV_FILE", None)
    return monkeypatch


def test_a_model_that_is_not_on_sale_is_refused_at_the_start(environment: pytest.MonkeyPatch) -> None:
    """With 78, and each of them by name; those on sale are not complained of."""
    environment.setenv("FREE_MODELS", "z-image, z-imag no/such")
    found = mode.reading(with_sandbox=False, why="a test")
    assert [(problem.variable, problem.text.partition(" is no")[0]) for problem in found.problems] == [
        ("FREE_MODELS", "'no/such'"),
        ("FREE_MODELS", "'z-imag'"),
    ]
    with pytest.raises(ConfigError) as refused:
        settings.refuse(found.problems)
    assert refused.value.exit_code is ExitCode.CONFIG


@pytest.mark.parametrize("written", ["z-image", " z-image ,, z-image ", "", " "])
def test_models_on_sale_are_taken_however_they_are_listed(environment: pytest.MonkeyPatch, written: str) -> None:
    """None at all is the default."""
    environment.setenv("FREE_MODELS", written)
    found = mode.reading(with_sandbox=False, why="a test")
    assert found.problems == []
    assert found.bot is not None
    assert found.bot.free_models == ({"z-image"} if written.strip() else frozenset())


@pytest.mark.parametrize("name", ["free_daily_limit", "free_daily_budget", "referral_credits"])
@pytest.mark.parametrize("value", ["-1", "x", "1.00001", "1000000"])
def test_limits_without_sense_are_refused(name: str, value: str) -> None:
    """By name."""
    with pytest.raises(ValidationError, match=name):
        BotSettings.model_validate({"telegram_bot_token": "1:a", "kie_api_key": "k", "admin_ids": {1}, name: value})
