"""Which spans are kept: all of a trace or none, a linked pair together, and the rare named ones always.

A root that only links to its cause would be sampled on its own, and half of all webhook-process pairs would lose one
side; so a link decides before the ratio does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import AttributeValue

ALWAYS = frozenset({"term", "takeover", "handover", "drain"})
"""Spans that are kept whatever the ratio: rare, and wanted exactly when something went wrong."""


class FollowLinks(Sampler):
    """Keep named spans; else follow the parent; else follow the first link; else keep this share of the traces."""

    def __init__(self, ratio: float, always: frozenset[str] = ALWAYS) -> None:
        self._ratio = TraceIdRatioBased(ratio)
        self._always = always

    def should_sample(  # noqa: PLR0917 - the interface of the SDK
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide by name, parent, first link and ratio, in this order."""
        parent = get_current_span(parent_context).get_span_context()
        if name in self._always:
            keep = True
        elif parent.is_valid:
            keep = parent.trace_flags.sampled
        elif links:
            keep = links[0].context.trace_flags.sampled
        else:
            return self._ratio.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        return SamplingResult(
            Decision.RECORD_AND_SAMPLE if keep else Decision.DROP, attributes if keep else None, parent.trace_state
        )

    def get_description(self) -> str:
        """The name and the ratio, for the resource of the spans."""
        return f"FollowLinks{{{self._ratio.rate}}}"
