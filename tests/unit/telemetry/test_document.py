"""The documentation is generated, and what is committed is what is generated."""

from __future__ import annotations

from pathlib import Path

from telemetry.catalogue import METRICS
from telemetry.document import page
from telemetry.events import REGISTRY

COMMITTED = Path(__file__).parents[3] / "docs" / "telemetry.md"


def test_the_committed_page_is_the_generated_one() -> None:
    """Run `python -m telemetry.document > docs/telemetry.md` after adding an event or a metric."""
    assert COMMITTED.read_text(encoding="utf-8") == page()


def test_the_page_names_every_metric_and_every_event() -> None:
    """Nothing can be added without being documented."""
    text = page()
    assert not [metric.name for metric in METRICS if f"| `{metric.name}` |" not in text]
    assert not [name for name in REGISTRY if f"| `{name}` |" not in text]
