"""What Telegram tells of the webhook, judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.inspection import WebhookState
from supervisor.app import doctor
from supervisor.timing import PROFILES

NOW = datetime(2026, 1, 13, tzinfo=UTC)
SET = WebhookState(host_matches=True, is_set=True, pending=0, last_error=None, last_error_at=None, allowed_updates=())


@pytest.mark.parametrize(
    ("state", "mode", "result"),
    [
        (SET, "webhook", "ok"),
        (replace(SET, host_matches=False), "webhook", "warning"),
        (replace(SET, host_matches=False, is_set=False), "webhook", "warning"),
        (replace(SET, pending=5000), "webhook", "warning"),
        (replace(SET, last_error="Connection refused", last_error_at=NOW - timedelta(minutes=5)), "webhook", "warning"),
        (replace(SET, last_error="Connection refused", last_error_at=NOW - timedelta(days=5)), "webhook", "ok"),
        (SET, "polling", "warning"),
        (replace(SET, is_set=False), "polling", "ok"),
    ],
)
def test_the_webhook_is_compared_with_what_the_settings_want(state: WebhookState, mode: str, result: str) -> None:
    """A webhook of another program, an old one, or one that Telegram cannot reach."""
    assert doctor.webhook(state, mode, NOW).result == result


def test_times_that_were_changed_are_told_so() -> None:
    """A support ticket shows whether the profile is the profile."""
    assert "changed" not in doctor.timing(PROFILES["fast"]).found
    assert "changed" in doctor.timing(replace(PROFILES["fast"], renew=0.9)).found
    assert doctor.timing(None).result == "skip"
