"""What the chats pay for one that sends a share of everything: how long theirs take beside it, and alone.

    python -m bench.fairness [--json] [--quick] [--rounds N]

A full queue, handlers of 20 ms, 64 of them in parallel. `alone` is the same queue without the busy chat's rows. The
figures are of the others' rows: how many a second, until their last one is done, and after how long so many are (p50,
p99). `without lanes` claims whatever comes first, and a lock in the handler keeps the busy chat's order: its rows wait in
the places of the others.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import anyio

from bench.dequeue import watched
from bench.postgres import Server, postgres
from bench.queues import LANES, PATIENCE_SECONDS, Load, Referee, Wrong, ours
from bench.rounds import Case, Figures, alternate, arguments, machine, report, timed

ROUNDS = 3
JOBS = 3_000
HANDLER_SECONDS = 0.02
SHARES = (0.3, 0.5)
BAR = "others' time ≤ 1.3 × alone: ratio ≥ 0.77"


class Locking(Referee):
    """Whose handlers keep the order of their chats by locks of their own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.locks: dict[int, anyio.Lock] = defaultdict(anyio.Lock)

    async def handle(self, job: int, chat: int, write: Callable[[], Awaitable[Any]]) -> None:
        """Wait for those of the chat that came first."""
        async with self.locks[chat]:
            await super().handle(job, chat, write)


async def measure(server: Server, load: Load, *, has_lanes: bool = True) -> Figures:
    """Return how fast the others' rows are done."""
    kind = Referee if has_lanes else Locking
    async with ours(server, load, partial(kind, load), has_lanes=has_lanes) as referee:
        began = time.perf_counter()
        with anyio.fail_after(PATIENCE_SECONDS):
            while not referee.others_ended:  # noqa: ASYNC110 - asked for rarely, and only in a bench
                await anyio.sleep(0.005)
    if referee.disorder or referee.overlaps or referee.doubles:
        raise Wrong("rows were handled out of order, twice, or beside each other")
    seconds = referee.others_ended - began
    return timed([end - began for end in referee.ends], seconds, **{"others, s": seconds})


async def main() -> None:
    """Run both shares and print the table."""
    asked = arguments(__doc__ or "", ROUNDS)
    jobs = JOBS // 8 if asked.quick else JOBS
    cases = []
    async with postgres(quick=asked.quick) as server:
        for share in SHARES:
            load = Load(jobs, 500, share, HANDLER_SECONDS)
            alone = replace(load, is_alone=True)
            contenders: dict[str, Callable[[], Awaitable[Figures]]] = {
                "alone": partial(measure, server, alone),
                "beside": partial(measure, server, load),
            }
            found = await alternate(contenders, asked.rounds)
            # Once is enough: it takes longer than all the others together.
            found["without lanes"] = [await measure(server, load, has_lanes=False)]
            cases.append(Case(f"{share:.0%} from one chat", "others' rows/s", "alone", found, {"beside": BAR}))
        notes = machine(fdatasync=f"{server.syncs:,.0f}/s", lanes=LANES)
    report(cases, notes, as_json=asked.json)


if __name__ == "__main__":
    watched(main)
