"""Which spans are kept: all of a trace or none, a linked pair together, and the rare named ones always.

A root that only links to its cause would be sampled on its own, and half of all webhook-process pairs would lose one
side; so a link decides before the ratio does. Decided before a span is made: the SDK's costs even when it is dropped.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.trace.span import SpanContext

ALWAYS = frozenset({"term", "takeover", "handover", "drain"})
"""Spans that are kept whatever the ratio: rare, and wanted exactly when something went wrong."""


@dataclass(frozen=True, slots=True)
class FollowLinks:
    """Keep named spans; else follow the parent; else follow the first link; else keep this share of the traces."""

    ratio: float

    def keeps(self, name: str, parent: SpanContext, links: Sequence[SpanContext]) -> bool:
        """Decide by name, parent, first link and ratio, in this order."""
        if name in ALWAYS:
            return True
        if parent.is_valid:
            return parent.trace_flags.sampled
        if links:
            return links[0].trace_flags.sampled
        return random.random() < self.ratio  # noqa: S311 - a share, not a secret
