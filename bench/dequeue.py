"""From a full queue to handled and settled, a second: ours beside pgqueuer and procrastinate.

    python -m bench.dequeue [--json] [--quick] [--rounds N]

no-op       handlers that write nothing
writing     one INSERT each: ours in a fenced transaction with `done`, the peers' beside their own bookkeeping
20 ms       handlers that wait; the ideal of 64 lanes is 3,200 a second
paced       an empty queue, rows come at a fixed rate: how long each waits to be settled, see bench.paced

Ours and procrastinate keep the order of a chat, pgqueuer does not. Ours has the telemetry of a running instance:
metrics, and a JSON log that nobody reads.
"""

from __future__ import annotations

import logging as standard_logging
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from bench import paced
from bench.postgres import Server, postgres
from bench.queues import LANES, PATIENCE_SECONDS, Load, Referee, Wrong, of_pgqueuer, of_procrastinate, ours
from bench.rounds import Case, Figures, alternate, arguments, machine, report
from telemetry import logging, metrics

ROUNDS = 3
PACED_SECONDS, PACED_QUICK_SECONDS = 3.0, 0.5
LOADS = {"no-op": Load(8_000), "writing": Load(3_000, writes=True), "20 ms": Load(6_000, seconds=0.02)}
SLOW_JOBS = 300
"""For procrastinate, which would take minutes otherwise."""
PEERS = {"ours": ours, "pgqueuer": of_pgqueuer, "procrastinate": of_procrastinate}
IN_ORDER = ("ours", "procrastinate")
IDEAL = LANES / 0.02
BARS = {"no-op": "≥ 2.5 × pgqueuer", "writing": "≥ 0.5 × pgqueuer", "20 ms": f"≥ {0.75 * IDEAL:,.0f}"}


async def measure(server: Server, name: str, load: Load) -> Figures:
    """Return how fast one consumer empties its queue."""
    if name == "procrastinate":
        load = Load(min(load.jobs, SLOW_JOBS), load.chats, load.hot, load.seconds, load.writes)
    consumer: Any = PEERS[name]
    async with consumer(server, load, partial(Referee, load)) as referee:
        began, used = time.perf_counter(), time.process_time()
        with anyio.fail_after(PATIENCE_SECONDS):
            await referee.done.wait()
        used = time.process_time() - used
    if referee.doubles or (name in IN_ORDER and (referee.disorder or referee.overlaps)):
        raise Wrong(f"{name}: {referee.doubles} doubled, {referee.disorder} disordered, {referee.overlaps} overlapped")
    counted = {"rows": referee.jobs, "out of order": referee.disorder, "overlapping": referee.overlaps}
    rate = referee.jobs / (referee.ended - began)
    return Figures(rate, more={"CPU µs each": used / referee.jobs * 1e6, **counted})


async def main() -> None:
    """Run every case and print the table."""
    asked = arguments(__doc__ or "", ROUNDS)
    loads = {
        name: Load(load.jobs // 40, load.chats // 5, 0.0, load.seconds, load.writes) for name, load in LOADS.items()
    }
    async with postgres(quick=asked.quick) as server:
        cases = []
        for name, load in (loads if asked.quick else LOADS).items():
            contenders: dict[str, Callable[[], Awaitable[Figures]]] = {
                peer: partial(measure, server, peer, load) for peer in PEERS
            }
            found = await alternate(contenders, asked.rounds)
            cases.append(Case(name, "rows/s", "pgqueuer", found, {"ours": BARS[name]}))
        seconds = PACED_QUICK_SECONDS if asked.quick else PACED_SECONDS
        paces = {name: partial(paced.measure, server, name, seconds) for name in paced.RATES}
        cases.append(Case("paced", "rows/s", "", await alternate(paces, asked.rounds)))
        notes = machine(fdatasync=f"{server.syncs:,.0f}/s", lanes=LANES, ideal_at_20_ms=f"{IDEAL:,.0f}/s")
    report(cases, notes, as_json=asked.json)


def watched(run: Callable[[], Awaitable[None]]) -> None:
    """Run a bench with the telemetry of a running instance: metrics, and a JSON log that nobody reads."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        metrics.configure(instance_id="bench", version="0")
        logging.configure(instance_id="bench", stream=nowhere)
        standard_logging.disable(standard_logging.CRITICAL)
        anyio.run(run)


if __name__ == "__main__":
    watched(main)
