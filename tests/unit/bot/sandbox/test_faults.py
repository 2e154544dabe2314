"""Faults: what can be set, what is refused, how a count runs out."""

from __future__ import annotations

import pytest

from bot.sandbox.faults import CATALOGUE, FaultError, Faults, Setting, parse, parse_all


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("provider_latency=0.5", Setting("provider_latency", 0.5)),
        ("provider_refuse=402", Setting("provider_refuse", 402)),
        ("provider_refuse=429*3", Setting("provider_refuse", 429, 3)),
        ("provider_stuck=on", Setting("provider_stuck", True)),
        ("telegram_only=sendPhoto, sendMessage", Setting("telegram_only", "sendPhoto,sendMessage")),
        ("provider_callback_key=a*b=c", None),
        ("provider_stuck=", Setting("provider_stuck", None)),
        ("provider_stuck=off", Setting("provider_stuck", None)),
        ("provider_lose_reply=0", Setting("provider_lose_reply", 0.0)),
        ("telegram_limits=on", Setting("telegram_limits", "1/1,20/60,30/1")),
        ("telegram_limits=1/0.5,4/2,9/1*3", Setting("telegram_limits", "1/0.5,4/2,9/1", 3)),
        ("telegram_blocked=Kicked", Setting("telegram_blocked", "kicked")),
        ("telegram_migrated=-5>-1005*1", Setting("telegram_migrated", "-5>-1005", 1)),
        ("telegram_chats=-5, 7", Setting("telegram_chats", "-5,7")),
    ],
)
def test_a_setting_is_name_equals_value_with_an_optional_count(text: str, expected: Setting | None) -> None:
    """An empty value and off reset; a count that is no number is refused."""
    if expected is None:
        with pytest.raises(FaultError):
            parse(text)
    else:
        assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("provider_latency", "is not NAME=VALUE"),
        ("provider_latency=-1", "takes seconds"),
        ("provider_latency=nan", "takes seconds"),
        ("provider_latency=soon", "takes seconds"),
        ("provider_refuse=200", "takes a body code of the provider"),
        ("provider_http=200", "takes an HTTP status"),
        ("provider_stuck=maybe", "takes on"),
        ("provider_fail=501*0", "so many times"),
        ("telegram_limits=1/1", "three of NUMBER/SECONDS"),
        ("telegram_limits=1/1,0/1,9/1", "three of NUMBER/SECONDS"),
        ("telegram_limits=1/1,1/0,9/x", "three of NUMBER/SECONDS"),
        ("telegram_blocked=maybe", "on, deactivated, kicked"),
        ("telegram_migrated=-5", "two negative ids"),
        ("telegram_migrated=5>-6", "two negative ids"),
        ("telegram_chats=me", "ids, by comma"),
        ("provider_lag=1", "There is no fault 'provider_lag'"),
    ],
)
def test_a_wrong_setting_says_what_is_accepted(text: str, said: str) -> None:
    """The message names the fault and its values."""
    with pytest.raises(FaultError, match=said):
        parse(text)


def test_all_problems_are_named_at_once() -> None:
    """So that nobody fixes them one by one."""
    with pytest.raises(FaultError) as caught:
        parse_all(["provider_http=1", "nonsense", "provider_latency=1"])
    assert "provider_http takes" in str(caught.value)
    assert "'nonsense' is not NAME=VALUE" in str(caught.value)


def test_a_count_runs_out_and_only_taking_uses_it_up() -> None:
    """After the last one the default is back."""
    faults = Faults()
    faults.apply(parse("provider_latency=9*2"))
    assert faults.get("provider_latency") == 9
    assert [faults.take("provider_latency") for _ in range(3)] == [9, 9, 2.0]


def test_watchers_hear_of_every_change() -> None:
    """Also of the one that a used-up count makes."""
    faults, heard = Faults(), []
    faults.watch(lambda: heard.append(faults.get("provider_stuck")))
    faults.apply(parse("provider_stuck=on*1"))
    faults.take("provider_stuck")
    assert heard == [True, None]


def test_every_default_is_in_force_untouched_and_described() -> None:
    """The list that `sandbox faults` prints has meaning and values for each."""
    rows = Faults().describe()
    assert [row["name"] for row in rows] == list(CATALOGUE)
    assert all(row["meaning"] and row["accepts"] and row["value"] == row["default"] and not row["set"] for row in rows)
