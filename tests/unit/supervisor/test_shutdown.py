"""The phases of the shutdown fit into the grace that the platform gives."""

from __future__ import annotations

from supervisor import shutdown
from supervisor.shutdown import ShutdownPlan


def test_the_phases_and_the_margin_fit_into_the_grace() -> None:
    """Drain plus the fixed phases are exactly the grace, at the default and at the least one."""
    for grace in (30.0, shutdown.MINIMUM_GRACE):
        assert ShutdownPlan(grace).drain + shutdown.FIXED == grace


def test_the_least_grace_is_the_documented_one() -> None:
    """product.md refuses a grace under 21 seconds; less would leave no time to drain."""
    assert shutdown.MINIMUM_GRACE == 21
    assert ShutdownPlan(21).drain >= 3
