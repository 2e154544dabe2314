"""Whatever times are accepted keep two ACTIVEs apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.timing import resolve

overrides = st.none() | st.floats(-1, 400)


@given(st.sampled_from(["standard", "fast", "compat"]), overrides, overrides)
def test_times_are_refused_or_safe(profile: str, renew: float | None, lease: float | None) -> None:
    """The four rules, written down a second time."""
    timing, problems = resolve(profile, renew, lease)  # type: ignore[arg-type] # sampled from the profiles
    assert (timing is None) == bool(problems)
    if timing is not None:
        assert timing.hard / 0.95 + 0.1 < timing.lease / 1.05
        assert timing.soft + 1.0 <= timing.hard + 1e-6
        assert timing.renew * 1.1 + 2 * timing.timeout <= timing.soft + 1e-6
        assert timing.dead_link >= timing.hard - 1e-6
        assert min(timing.renew, timing.timeout, timing.watch) > 0
