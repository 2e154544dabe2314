"""The small rules: backoff, task states, signatures, loopback, the provider's checks, records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sandbox import records
from bot.sandbox.delivery import backoff
from bot.sandbox.hints import signature
from bot.sandbox.loopback import is_loopback_url
from bot.sandbox.models import problem
from bot.sandbox.records import Task
from bot.sandbox.tasks import state_of

TASK = Task(
    id="t", model="z-image", prompt="fox", aspect_ratio="1:1", param="{}", callback_url="", created=100.0, due=110.0
)


def test_redelivery_waits_0_2_4_8_up_to_60_seconds_or_what_the_webhook_asks() -> None:
    """Telegram's own schedule; Retry-After comes first, up to an hour."""
    assert [backoff(failures) for failures in range(1, 9)] == [0, 2, 4, 8, 16, 32, 60, 60]
    assert backoff(10_000) == 60
    assert (backoff(1, 7), backoff(5, 7), backoff(1, 99_999)) == (7, 7, 3600)


@pytest.mark.parametrize(
    ("now", "state"), [(100, "waiting"), (101.5, "queuing"), (103, "generating"), (999, "generating")]
)
def test_an_unfinished_task_is_in_the_state_of_its_age(now: float, state: str) -> None:
    """It generates until its end is written down, however late."""
    assert state_of(TASK, now) == state


def test_a_finished_task_stays_what_it_is() -> None:
    """Terminal states come from the record alone."""
    assert state_of(replace(TASK, completed=111.0), 0) == "success"
    assert state_of(replace(TASK, completed=111.0, fail_code="501"), 0) == "fail"


def test_a_task_without_latency_has_a_state() -> None:
    """No division by zero."""
    assert state_of(replace(TASK, due=TASK.created), TASK.created + 1) == "generating"


def test_the_signature_is_hmac_sha256_of_id_and_time_in_base64() -> None:
    """The value was computed with another program (openssl dgst -sha256 -hmac)."""
    assert signature("key", "task", "1700000000") == "gvI6gL9GybgZDXL/Mpk0Ccf/YM23cSLbj/iqVul3HJI="


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080/x", True),
        ("http://localhost/x", True),
        ("http://[::1]:80/", True),
        ("http://127.9.9.9/", True),
        ("http://example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://10.0.0.1/", False),
        ("ftp://127.0.0.1/", False),
        ("http://127.0.0.1:99999/", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, expected: bool) -> None:
    """By address or as localhost; a name that merely begins so is another machine."""
    assert is_loopback_url(url) is expected


def test_a_good_input_has_no_problem() -> None:
    """Further fields are taken as the provider takes them."""
    assert problem("market", "z-image", {"prompt": "x" * 1000, "aspect_ratio": "9:16", "nsfw_checker": True}) == ""


def test_a_record_survives_as_json_and_forgets_fields_it_does_not_know() -> None:
    """An older build can read what a newer one wrote."""
    text = records.dump(TASK)
    assert records.load("task", text) == TASK
    assert records.load("task", text[:-1] + ',"invented":1}') == TASK
    assert records.load("invention", text) is None
