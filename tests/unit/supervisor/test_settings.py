"""Settings: every problem at once, no secret in any text, the documented defaults."""

from __future__ import annotations

import pytest

from bot.settings import BotSettings
from supervisor import settings
from supervisor.errors import ConfigError, ExitCode
from supervisor.settings import Problem, Settings

NEEDED = {"TELEGRAM_BOT_TOKEN": "123456:abcDEF", "KIE_API_KEY": "k" * 20, "ADMIN_ID": "7"}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own environment decides a test."""
    for model in (Settings, BotSettings):
        for name in (*model.model_fields, "admin_id"):
            monkeypatch.delenv(name.upper(), raising=False)


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def read_all() -> tuple[Settings | None, BotSettings | None, list[Problem]]:
    problems: list[Problem] = []
    base = settings.read(Settings, problems, None)
    if base is not None:
        settings.timing_of(base, problems)
    return base, settings.read(BotSettings, problems, None), problems


def test_the_required_three_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Token, provider key and administrator; everything else has a default."""
    given(monkeypatch, **NEEDED)
    base, bot, problems = read_all()
    assert problems == []
    assert base is not None
    assert bot is not None
    assert (base.port, base.ops_host, base.ops_port, base.sandbox_port, base.db_maxconn) == (
        8080,
        "127.0.0.1",
        9464,
        8081,
        10,
    )
    assert (bot.mode, bot.bot_id, bot.admin_ids, bot.welcome_amount) == ("polling", 123456, frozenset({7}), 20_000)


def test_every_problem_is_listed_in_one_message_with_the_exit_code_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to fix five settings in five starts."""
    given(monkeypatch, PORT="eighty", SHUTDOWN_GRACE="5", DB_MAXCONN="0", TELEGRAM_BOT_TOKEN="nonsense")
    _, _, problems = read_all()
    with pytest.raises(ConfigError) as refused:
        settings.refuse(problems)
    text = str(refused.value)
    for variable in ("PORT", "SHUTDOWN_GRACE", "DB_MAXCONN", "TELEGRAM_BOT_TOKEN", "KIE_API_KEY", "ADMIN_ID"):
        assert variable in text
    assert text.startswith("6 settings are missing or wrong:")
    assert "'eighty'" in text
    assert refused.value.exit_code is ExitCode.CONFIG
    assert refused.value.hint is not None


def test_a_wrong_secret_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable, not what was in it."""
    secret = "hunter2-is-my-token"
    given(monkeypatch, TELEGRAM_BOT_TOKEN=secret, WEBHOOK_SECRET_PATH="short!", DATABASE_URL="")
    _, _, problems = read_all()
    assert "short!" not in str(problems)
    assert secret not in str(problems)
    assert "TELEGRAM_BOT_TOKEN" in {problem.variable for problem in problems}


def test_a_grace_that_leaves_no_time_to_drain_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty seconds are too few, twenty-one are enough."""
    given(monkeypatch, **NEEDED, SHUTDOWN_GRACE="20.9")
    assert [problem.variable for problem in read_all()[2]] == ["SHUTDOWN_GRACE"]
    given(monkeypatch, SHUTDOWN_GRACE="21")
    assert read_all()[2] == []


def test_times_of_the_lock_that_break_a_rule_are_refused_with_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease too short for its own deadlines never starts."""
    given(monkeypatch, **NEEDED, LOCK_STALE_HEARTBEAT_SECONDS="2")
    problems = read_all()[2]
    assert {problem.variable for problem in problems} == {"LOCK_PROFILE"}
    assert any("lease" in problem.text for problem in problems)


def test_the_predecessors_times_mean_its_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen and three hundred are accepted as they were used, with safe deadlines."""
    given(monkeypatch, LOCK_HEARTBEAT_INTERVAL="15", LOCK_STALE_HEARTBEAT_SECONDS="300")
    base = settings.read(Settings, [], None)
    assert base is not None
    timing = settings.timing_of(base, [])
    assert timing is not None
    assert timing.profile == "compat"


def test_several_administrators_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """ADMIN_IDS takes a list, commas or spaces."""
    given(monkeypatch, **{key: value for key, value in NEEDED.items() if key != "ADMIN_ID"}, ADMIN_IDS="7, 8 9")
    _, bot, problems = read_all()
    assert problems == []
    assert bot is not None
    assert bot.admin_ids == {7, 8, 9}


def test_a_webhook_without_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """BOT_MODE=webhook needs WEBHOOK_BASE_URL."""
    given(monkeypatch, **NEEDED, BOT_MODE="webhook")
    assert [problem.variable for problem in read_all()[2]] == ["BOT_MODE"]


def test_a_webhook_address_must_be_https_unless_it_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram delivers only to HTTPS; the sandbox delivers to loopback."""
    given(monkeypatch, **NEEDED, WEBHOOK_BASE_URL="http://bot.example.org")
    assert [problem.variable for problem in read_all()[2]] == ["WEBHOOK_BASE_URL"]
    given(monkeypatch, WEBHOOK_BASE_URL="http://127.0.0.1:8080")
    assert read_all()[2] == []


def test_the_source_of_a_setting_is_told_and_secrets_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """`config show` can say where a value comes from."""
    given(monkeypatch, **NEEDED, PORT="8090")
    base, bot, _ = read_all()
    assert base is not None
    assert bot is not None
    shown = {name: (str(value), source) for name, value, source in settings.effective((base, bot), None)}
    assert shown["PORT"] == ("8090", "environment")
    assert shown["OPS_PORT"] == ("9464", "default")
    assert shown["TELEGRAM_BOT_TOKEN"] == ("**********", "environment")
