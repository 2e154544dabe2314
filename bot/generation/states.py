"""The states of a generation and the only steps between them; the database's trigger holds the same table.

    quoted ──▶ held ──▶ submitting ──▶ submitted ──▶ succeeded ──▶ delivered ──▶ charged
      │         │ ▲         │ ├───────────│─────────────│──▶ failed ──▶ released
      │         │ └─────────┘ └▶ unknown ─┴─────────────┘      ▲
      └▶ expired└──────────────────┴───────────────────────────┘

* `submitting` is committed before the provider is called. One that nobody waits for any more is made `unknown`,
  or `submitted` if its task is known.
* `unknown` is never submitted again: only the provider's own callback can still say which task it became, otherwise it
  fails at its deadline. `submitting → held` is for calls that surely made no task.
* Money is held from `held` on, and ends with `charged` or `released`; nothing is charged that was not delivered.
"""

from __future__ import annotations

from typing import Final, Literal

State = Literal[
    "quoted",
    "expired",
    "held",
    "submitting",
    "submitted",
    "unknown",
    "succeeded",
    "delivered",
    "charged",
    "failed",
    "released",
]

STEPS: Final[frozenset[tuple[State, State]]] = frozenset(
    {
        ("quoted", "held"),
        ("quoted", "expired"),
        ("held", "submitting"),
        ("held", "failed"),
        ("submitting", "submitted"),
        ("submitting", "held"),
        ("submitting", "unknown"),
        ("submitting", "failed"),
        ("unknown", "submitted"),
        ("unknown", "failed"),
        ("submitted", "succeeded"),
        ("submitted", "failed"),
        ("succeeded", "delivered"),
        ("succeeded", "failed"),
        ("delivered", "charged"),
        ("failed", "released"),
    }
)

SETTLED: Final[frozenset[State]] = frozenset({"expired", "charged", "released"})
"""Nothing follows."""


def may_go(state: State, to: State) -> bool:
    """Whether the step is one of the picture."""
    return (state, to) in STEPS
