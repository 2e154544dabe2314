"""Settings: every problem at once, no secret in any text, the documented defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import SECRET, BotSettings
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


def test_what_a_setting_must_look_like_is_told_letter_by_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern or a name in other letters than the real ones would send people the wrong way."""
    given(monkeypatch, **NEEDED, WEBHOOK_SECRET_PATH="short", LOG_LEVEL="loud", BOT_MODE="webhook")
    text = " ".join(problem.text for problem in read_all()[2])
    for exact in ("A-Z, a-z, 0-9, _ and -", "'DEBUG', 'INFO'", "BOT_MODE=webhook needs"):
        assert exact in text


def test_one_setting_with_two_faults_is_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number in the first line is how many variables there are to correct."""
    given(monkeypatch, **NEEDED, PORT="eighty", LOCK_STALE_HEARTBEAT_SECONDS="2")
    problems = [*read_all()[2], Problem("LOCK_PROFILE", "one rule"), Problem("LOCK_PROFILE", "another rule")]
    with pytest.raises(ConfigError, match=r"^2 settings are missing or wrong"):
        settings.refuse(problems)


@pytest.mark.parametrize("says", ["not UTF-8", "Input/output error"])
def test_an_env_file_that_cannot_be_read_is_a_problem_like_any_other(says: str, home: Path) -> None:
    """No traceback, and said once though two readers meet it."""
    env_file = home / ".env"
    if says == "not UTF-8":
        env_file.write_bytes(b"SUPPORT_TELEGRAM=\xe9")
    else:
        # Nobody can read the beginning of this file, not even root.
        env_file.symlink_to("/proc/self/mem")
    problems: list[Problem] = []
    for model in (Settings, BotSettings):
        assert settings.read(model, problems, env_file) is None
    with pytest.raises(ConfigError) as refused:
        settings.refuse(problems)
    assert str(refused.value).count(".env") == 1
    assert says in str(refused.value)


def test_the_sandbox_needs_a_port_that_can_be_known_before_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may choose the other ports; nobody would find a sandbox on one that it chose."""
    given(monkeypatch, **NEEDED, PORT="0", OPS_PORT="0", SANDBOX_PORT="0")
    assert [problem.variable for problem in read_all()[2]] == ["SANDBOX_PORT"]


def test_the_home_is_the_same_folder_whoever_reads_it(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """`~` is the user's own folder, as the shell would have it, and a relative path begins here."""
    monkeypatch.setenv("HOME", str(home))
    given(monkeypatch, VIGIL_HOME="~/bot")
    base = settings.read(Settings, [], None)
    assert base is not None
    assert base.vigil_home == home / "bot"
    given(monkeypatch, VIGIL_HOME="bot")
    base = settings.read(Settings, [], None)
    assert base is not None
    assert base.vigil_home == Path.cwd() / "bot"


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
    assert {problem.variable for problem in problems} == {"LOCK_STALE_HEARTBEAT_SECONDS"}
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
    assert shown["ADMIN_IDS"] == ("frozenset({7})", "environment"), "its other name, ADMIN_ID, is a source too"


@pytest.mark.parametrize("name", ["WEBHOOK_SECRET_PATH", "WEBHOOK_SECRET_TOKEN"])
def test_a_webhook_secret_that_telegram_would_refuse_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Otherwise every attempt to set the webhook would fail, and no update would ever come."""
    given(monkeypatch, **NEEDED, **{name: "a&b c and some more"})
    problems = read_all()[2]
    assert [problem.variable for problem in problems] == [name]
    assert "a&b" not in problems[0].text
    given(monkeypatch, **{name: "Abc_def-0123456789"})
    assert read_all()[2] == []


def test_the_documents_say_what_a_webhook_secret_looks_like() -> None:
    """Whoever sets one learns it before the start refuses it."""
    shape = re.fullmatch(r"\[A-Za-z0-9_-]\{(\d+),(\d+)\}", SECRET.pattern)
    assert shape is not None
    for name in ("README.md", "docs/commands.md"):
        lines = (Path(__file__).parents[3] / name).read_text(encoding="utf-8").splitlines()
        (line,) = [line for line in lines if "WEBHOOK_SECRET_PATH" in line]
        assert f"{shape[1]} to {shape[2]} characters of `A-Z a-z 0-9 _ -`" in line


def test_settings_of_the_predecessor_are_accepted_with_a_warning_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle age decides nothing any more, and its heartbeat figures are a profile."""
    given(monkeypatch, **NEEDED)
    base, _, problems = read_all()
    assert base is not None
    timing = settings.timing_of(base, problems)
    assert timing is not None
    assert settings.warnings(base, timing) == []
    given(monkeypatch, LOCK_STALE_IDLE_SECONDS="120")
    given(monkeypatch, LOCK_HEARTBEAT_INTERVAL="15", LOCK_STALE_HEARTBEAT_SECONDS="300")
    base, _, problems = read_all()
    assert base is not None
    timing = settings.timing_of(base, problems)
    assert timing is not None
    warned = {problem.variable for problem in settings.warnings(base, timing)}
    assert warned == {"LOCK_STALE_IDLE_SECONDS", "LOCK_STALE_HEARTBEAT_SECONDS"}


def test_an_address_that_is_no_postgresql_and_two_ports_that_are_one_are_listed_with_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What can be seen without connecting is told at once, with the other problems."""
    given(monkeypatch, **(NEEDED | {"ADMIN_ID": "me"}), DATABASE_URL="mysql://u:hunter2@db/x", PORT="9464")
    problems = {problem.variable: problem.text for problem in read_all()[2]}
    assert set(problems) == {"DATABASE_URL", "OPS_PORT", "ADMIN_IDS"}
    assert "hunter2" not in str(problems)
    assert "numeric Telegram id" in problems["ADMIN_IDS"]


@pytest.mark.parametrize(
    ("overrides", "blamed"),
    [
        ({"LOCK_HEARTBEAT_INTERVAL": "60"}, "LOCK_HEARTBEAT_INTERVAL"),
        ({"LOCK_HEARTBEAT_INTERVAL": "1", "LOCK_STALE_HEARTBEAT_SECONDS": "2"}, "LOCK_STALE_HEARTBEAT_SECONDS"),
        (
            {"LOCK_HEARTBEAT_INTERVAL": "2.6", "LOCK_STALE_HEARTBEAT_SECONDS": "9.6"},
            "LOCK_HEARTBEAT_INTERVAL, LOCK_STALE_HEARTBEAT_SECONDS",
        ),
    ],
)
def test_a_broken_rule_is_told_under_the_variable_that_broke_it(
    monkeypatch: pytest.MonkeyPatch, overrides: dict[str, str], blamed: str
) -> None:
    """Nobody who set one number has to guess which of three variables is meant."""
    given(monkeypatch, **NEEDED, **overrides)
    assert {problem.variable for problem in read_all()[2]} == {blamed}


@pytest.mark.parametrize("address", ["postgresql://u:p@h:notaport/db", "postgresql://u:se/cret@127.0.0.1:1/bot"])
def test_an_address_that_cannot_be_read_is_refused_without_being_quoted(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """What looks like the port may be half of the password."""
    monkeypatch.setenv("DATABASE_URL", address)
    problems: list[Problem] = []
    assert settings.read(Settings, problems, None) is None
    (problem,) = problems
    assert problem.variable == "DATABASE_URL"
    assert "port is not a number" in problem.text
    assert "notaport" not in problem.text
    assert "cret" not in problem.text
