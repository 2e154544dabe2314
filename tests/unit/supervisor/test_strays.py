"""Misspelt settings: what is warned of, and what of other programs is left alone."""

from __future__ import annotations

import pytest

from supervisor.strays import strays

KNOWN = ("LOCK_PROFILE", "DATABASE_URL", "DB_MAXCONN", "TELEGRAM_BOT_TOKEN", "SHUTDOWN_GRACE", "PORT", "LOG_LEVEL")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("LOCK_PROFIL", "LOCK_PROFILE"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("DB_MAX_CONN", "DB_MAXCONN"),
        ("TELEGRAM_TOKEN", "TELEGRAM_BOT_TOKEN"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("lock_profil", "LOCK_PROFILE"),
    ],
)
def test_a_near_miss_is_told_with_what_was_meant(written: str, meant: str) -> None:
    """A setting with a letter missing would silently do nothing."""
    (found,) = strays({written: "x"}, KNOWN)
    assert found.variable == written
    assert f"did you mean {meant}?" in found.text


@pytest.mark.parametrize("name", ["LOCK_FOO", "VIGIL_DEBUG", "SHUTDOWN_NOW"])
def test_an_unknown_name_that_begins_as_ours_do_is_told(name: str) -> None:
    """No other program's variables begin so."""
    assert [problem.variable for problem in strays({name: "x"}, KNOWN)] == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCK_PROFILE", "fast"),
        ("PATH", "/bin"),
        ("PORTS", "1"),
        ("POSTGRES_PASSWORD", "hunter2"),
        ("VIGIL_TEST_REQUIRE", "all"),
        ("VIGIL_SERVICE_HOST", "10.0.0.1"),
        ("VIGIL_PORT", "tcp://10.0.0.1:8080"),
    ],
)
def test_settings_and_other_programs_are_left_alone(name: str, value: str) -> None:
    """Kubernetes gives every container variables of its neighbours; a warning about those would teach to ignore all."""
    assert list(strays({name: value}, KNOWN)) == []


def test_a_value_is_never_repeated() -> None:
    """A misspelt token is a token."""
    assert "hunter2" not in str(list(strays({"TELEGRAM_BOT_TOKE": "hunter2"}, KNOWN)))
