"""Whole instances behind a real PgBouncer in transaction mode, with nothing but its address."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pgbouncer import pooling
from tests.process.app.conftest import Launch
from tests.process.app.fleet import Sandbox, until


@pytest.mark.needs("pgbouncer")
def test_behind_a_pooler_the_whole_path_works_and_a_deploy_is_a_look_away(
    sandbox: Sandbox, launch: Launch, server: Any, empty_database_url: str
) -> None:
    """Migrations, inbox, handlers, ledger, picture; the mode is said, and the standby finds the release by looking."""
    sandbox.set_faults(telegram_backoff="0.05", provider_latency="0.3")
    with pooling(server, empty_database_url, "transaction", size=6) as pooled:
        first = launch("one", DATABASE_URL=pooled)
        first.wait_role("ACTIVE")
        assert '"lease_only"' in first.output()
        sandbox.write("a lighthouse at dusk")
        sandbox.wait_for("the quote", lambda message: "Generate" in message["buttons"])
        second = launch("two", DATABASE_URL=pooled)
        second.wait_role("PASSIVE")
        first.signal_term()
        assert first.wait() == 0, first.output()[-4000:]
        second.wait_role("ACTIVE", seconds=10)
        sandbox.press("Generate")
        until(sandbox.pictures, f"the picture from the second instance:\n{second.output()[-3000:]}")
        second.signal_term()
        assert second.wait() == 0, second.output()[-4000:]
