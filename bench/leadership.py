"""How long nobody leads, and what that costs: ours beside asyncpg-lock, on one real server with fsync, in one run.

    python -m bench.leadership [--runs N] [--json] [--quick] [--lanes N] [--no-peers]

Every contender is a process of its own; all stamps are CLOCK_MONOTONIC. See bench.contender for what an effect is.
    graceful   SIGTERM: last effect of the old one → first effect of the new one             L1
    kill       kill -9 → first effect of the new one                                          L2
    freeze     SIGSTOP → first effect of the new one                                          L3
    restart    the server accepts connections again after a fast restart → first effect       L5
    q/s        queries sent by either role in a quiet time                                    L7
    fence      the same write with and without the fence
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import anyio
import asyncpg

from bench import fence
from bench.contender import PEERS
from bench.figures import table
from bench.lane import Lane, is_ours
from bench.rounds import as_json_text
from supervisor.embedded import DURABLE, Embedded
from supervisor.migrator import apply_migrations_safe

RUNS = 10
SHARES = {"graceful": 2.0, "kill": 1.0, "freeze": 0.3}
"""Runs of each measure, as shares of `--runs`: what takes ten seconds is done less often unless asked for."""
PEER_SHARE = 0.3
FREEZE_SECONDS = 20.0
TEMPLATE = "bench_template"


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is measured."""

    runs: float = RUNS
    lanes: int = 1
    """Pairs of each kind of ours side by side."""
    ours: Sequence[str] = ("standard", "fast")
    peers: Sequence[str] = tuple(PEERS)
    shares: Mapping[str, float] = field(default_factory=lambda: SHARES)
    restarts: int = 3
    settle_seconds: float = 3.0
    quiet_seconds: float = 10.0
    fence_rounds: int = fence.ROUNDS


QUICK = Scope(1, 1, ("fast",), (), {"graceful": 1.0, "kill": 1.0}, 1, 0.1, 2.0, 20)


async def bench(folder: Path, scope: Scope) -> dict[str, dict[str, list[float]]]:
    """Measure everything; return the seconds (or queries a second) by kind and measure."""
    kinds = [*(list(scope.ours) * scope.lanes), *scope.peers]
    server = Embedded(folder, DURABLE)
    async with anyio.create_task_group() as group:
        async with running(server):
            urls = await databases(server, len(kinds) + 1)
            opened = [Lane(kind, url, group) for kind, url in zip(kinds, urls, strict=False)]
            async with anyio.create_task_group() as measuring:
                for lane in opened:
                    measuring.start_soon(measure, lane, scope)
            async with anyio.create_task_group() as measuring:
                for lane in opened:
                    measuring.start_soon(lane.count_queries, scope.settle_seconds, scope.quiet_seconds)
            fenced = await fence.measure(urls[-1], scope.fence_rounds)
            down_at = anyio.current_time()
        await restarts(server, opened, down_at, scope)
        for lane in opened:
            await lane.stop()
    return {**collected(opened), "fence": fenced}


async def measure(lane: Lane, scope: Scope) -> None:
    """Do to one pair everything but a restart."""
    runs = scope.runs / scope.lanes if is_ours(lane.kind) else scope.runs * PEER_SHARE
    await lane.begin()
    for what, share in scope.shares.items():
        count = max(1, round(runs * share))
        for _ in range(1 if what == "freeze" and not is_ours(lane.kind) else count):
            if what == "freeze":
                await lane.freeze(FREEZE_SECONDS)
            else:
                await (lane.hand_over() if what == "graceful" else lane.kill())


async def restarts(server: Embedded, lanes: list[Lane], down_at: float, scope: Scope) -> None:
    """Restart the server under all pairs at once; the first start is the restart's end."""
    for _ in range(scope.restarts):
        terms = [lane.term for lane in lanes]
        async with running(server):
            back_at = anyio.current_time()
            async with anyio.create_task_group() as waiting:
                for lane, term in zip(lanes, terms, strict=True):
                    waiting.start_soon(lane.restart, down_at, back_at, term)
            await anyio.sleep(scope.settle_seconds)
            down_at = anyio.current_time()


@asynccontextmanager
async def running(server: Embedded) -> AsyncIterator[None]:
    """Run the server while the block runs."""
    async with anyio.create_task_group() as group:
        await group.start(_serve, server)
        yield
        group.cancel_scope.cancel()


async def _serve(server: Embedded, *, task_status: Any) -> None:
    await server.serve(task_status=task_status)


async def databases(server: Embedded, count: int) -> list[str]:
    """Make so many databases with the whole schema; return their addresses."""
    admin: Any = await asyncpg.connect(server.admin_url)
    try:
        await admin.execute(f"CREATE DATABASE {TEMPLATE} OWNER vigil")
        await apply_migrations_safe(_address(server, TEMPLATE), include_post=True)
        for number in range(count):
            await admin.execute(f"CREATE DATABASE bench_{number} OWNER vigil TEMPLATE {TEMPLATE}")
    finally:
        await admin.close()
    return [_address(server, f"bench_{number}") for number in range(count)]


def _address(server: Embedded, name: str) -> str:
    return urlunsplit(urlsplit(server.url)._replace(path=f"/{name}"))


def collected(lanes: list[Lane]) -> dict[str, dict[str, list[float]]]:
    """Put the figures of all pairs of one kind together."""
    found: dict[str, dict[str, list[float]]] = {}
    for lane in lanes:
        of_kind = found.setdefault(lane.kind, {})
        for what, figures in lane.found.items():
            of_kind.setdefault(what, []).extend(figures)
    return found


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description="How long nobody leads, ours beside asyncpg-lock.")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--lanes", type=int, default=1, help="pairs of each kind of ours side by side")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--quick", action="store_true", help="of everything a little, no freeze and no peers: whether it runs"
    )
    parser.add_argument("--no-peers", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        # The server may belong to another user, who must be able to pass.
        Path(folder).chmod(0o711)
        peers = () if asked.no_peers else tuple(PEERS)
        scope = QUICK if asked.quick else Scope(asked.runs, asked.lanes, peers=peers)
        found = anyio.run(bench, Path(folder), scope)
    print(as_json_text(found) if asked.json else table(found))


if __name__ == "__main__":
    main()
