"""A term under every order of renews, answers and checks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervisor.term import Term, TrustLost

WINDOW = 7.0

steps = st.lists(
    st.tuples(st.sampled_from(["check", "answer", "end"]), st.floats(0, 5), st.floats(0, 10)), min_size=1, max_size=30
)


@given(steps)
def test_a_term_is_trusted_exactly_while_it_may_be(history: list[tuple[str, float, float]]) -> None:
    """Never past D after the sending of an acknowledged renew, never again after an end, and always until then."""
    now = 100.0
    term = Term(1, "a", window=WINDOW, sent_at=now, clock=lambda: now)
    deadline, over = now + WINDOW, False
    for what, later, latency in history:
        now += later
        over = over or now >= deadline
        if what == "answer":
            assert term.extend(now - latency) is not over
            if not over:
                deadline = max(deadline, now - latency + WINDOW)
        elif what == "end":
            term.end("fenced")
            over = True
        try:
            term.check()
        except TrustLost:
            assert over or now >= deadline
            over = True
        else:
            assert not over
            assert now < deadline
