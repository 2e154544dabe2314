"""Which models the status shows, and what it says of them."""

from __future__ import annotations

from supervisor.model_totals import SHOWN, Series, busiest


def test_the_busiest_models_are_shown_and_no_more_than_fit() -> None:
    """Ninety rows would bury the rest of the page."""
    ended: Series = {(f"m-{number:02}", "success", "24h"): float(number) for number in range(1, 91)}
    shown = busiest(ended, {})
    assert [each.model for each in shown] == [f"m-{number}" for number in range(90, 90 - SHOWN, -1)]
    assert shown[0].ended_24h == 90


def test_a_success_is_a_share_of_what_came_or_was_lost_by_the_model() -> None:
    """What users did counts for nobody, and of four ends nothing is told."""
    counts = {"success": 6.0, "provider_error": 1.0, "timeout": 1.0, "moderation": 90.0, "cancelled": 2.0, "late": 1.0}
    day: Series = {("z-image", outcome, "24h"): number for outcome, number in counts.items()}
    (found,) = busiest({**day, ("z-image", "success", "1h"): 4.0}, {("z-image", "24h"): 7.25})
    assert (found.ended_24h, found.success_24h, found.success_1h) == (100, 0.75, None)
    assert found.typical_seconds == 7.25
