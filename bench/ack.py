"""Acknowledged updates a second over HTTP, ours on the disk beside the peers' in memory.

    python -m bench.ack [--json] [--quick] [--rounds N]

    core 0   one webhook server at a time is asked; see bench.receiver for the kinds
    core 1   wrk with 64 connections, and PostgreSQL with fsync on

Each update is distinct, so the 200s of ours are held against the rows: as many, but for what was on its way at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import asyncpg
from anyio.abc import Process, SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.text import TextReceiveStream

from bench.postgres import Server, postgres
from bench.receiver import OURS, PATH, SECRET
from bench.rounds import Case, Figures, alternate, arguments, machine, report

CONNECTIONS = 64
SECONDS, QUICK_SECONDS, WARM_UP_SECONDS = 4, 1, 1
SERVER_CORE, OTHER_CORE = 0, 1
KINDS = (*OURS, "naive", "PTB", "aiogram")
STORING = (*OURS, "naive")
PEER = "≥ 1.0×, aim 2×; p99 no worse"
SILENT = "ours, silent"
WATCHED = ("ours", "ours, traced")
"""What telemetry may cost: each of them is compared with the silent one."""
BARS = {"PTB": PEER, "aiogram": PEER, **dict.fromkeys(WATCHED, "≥ 0.9× of silent")}
SCRIPT = Path(__file__).with_name("updates.lua")
READY_SECONDS = 30.0
TICK = os.sysconf("SC_CLK_TCK")


class Untrue(Exception):
    """A 200 without a row, or an update that was refused: the figures would be worth nothing."""


@dataclass
class Receiver:
    """One running server, and what it has stored."""

    kind: str
    process: Process
    port: int
    url: str
    first_ids: Any = field(default_factory=lambda: count(1_000_000_000, 10_000_000))

    async def round(self, seconds: int) -> Figures:
        """Let wrk deliver to it for so long; check what it says against the database."""
        rows, spent = await self._rows(), self._cpu()
        acknowledged, microseconds, p50, p99, failed = await self._deliver(seconds)
        if failed:
            raise Untrue(f"{self.kind}: {failed} of {acknowledged} requests failed")
        cpu = (self._cpu() - spent) / acknowledged
        if self.kind in STORING:
            stored = await self._rows() - rows
            if not 0 <= stored - acknowledged <= CONNECTIONS:
                raise Untrue(f"{self.kind}: {acknowledged} acknowledged, {stored} stored")
        return Figures(
            acknowledged / microseconds * 1e6, p50 / 1e6, p99 / 1e6, {"CPU of the server, µs each": cpu * 1e6}
        )

    async def _deliver(self, seconds: int) -> list[int]:
        words = ["taskset", "-c", str(OTHER_CORE), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT)]
        address = f"http://127.0.0.1:{self.port}/webhook/{PATH}"
        run = await anyio.run_process([*words, address, "--", str(next(self.first_ids)), SECRET])
        (line,) = [line for line in run.stdout.decode().splitlines() if line.startswith("figures ")]
        return [int(word) for word in line.split()[1:]]

    async def _rows(self) -> int:
        if self.kind not in STORING:
            return 0
        connection: Any = await asyncpg.connect(self.url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM inbox"))
        finally:
            await connection.close()

    def _cpu(self) -> float:
        """Return the seconds of CPU the server has used."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / TICK


async def bench(rounds: int, *, quick: bool) -> tuple[Server, dict[str, list[Figures]]]:
    """Measure all kinds; return the figures by kind."""
    async with postgres({OTHER_CORE}, quick=quick) as server, collector() as port, AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(receiving(kind, server, port)) for kind in KINDS]
        for receiver in () if quick else receivers:
            await receiver.round(WARM_UP_SECONDS)
        seconds = QUICK_SECONDS if quick else SECONDS
        kinds = {receiver.kind: partial(receiver.round, seconds) for receiver in receivers}
        return server, await alternate(kinds, rounds)


@asynccontextmanager
async def receiving(kind: str, server: Server, collector_port: int) -> AsyncIterator[Receiver]:
    """Run one server as a process."""
    url = await server.database()
    traced = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector_port}",
        "OTEL_TRACES_SAMPLER_ARG": "0.1",
    }
    process = await anyio.open_process(
        [sys.executable, "-m", "bench.receiver", kind, url, str(SERVER_CORE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **traced, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout is not None
        try:
            with anyio.fail_after(READY_SECONDS):
                port = int(await TextReceiveStream(process.stdout).receive())
        except (anyio.EndOfStream, TimeoutError) as error:
            raise Untrue(
                f"{kind} does not start; python -m bench.receiver '{kind}' URL {SERVER_CORE} says why"
            ) from error
        yield Receiver(kind, process, port, url)
    finally:
        process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()


@asynccontextmanager
async def collector() -> AsyncIterator[int]:
    """Take in traces and throw them away."""
    async with anyio.create_task_group() as group:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        group.start_soon(listener.serve, _collect)
        yield listener.extra(SocketAttribute.local_port)  # noqa: S610 - no query set
        group.cancel_scope.cancel()


async def _collect(stream: SocketStream) -> None:
    async with stream:
        reader = BufferedByteReceiveStream(stream)
        while True:
            try:
                head = (await reader.receive_until(b"\r\n\r\n", 1 << 16)).lower()
                await reader.receive_exactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
                await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            except (anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return


def need(program: str, how: str) -> None:
    """End with exit code 69 when the program is missing."""
    if shutil.which(program) is None:
        print(f"bench: {program} not found: {how}", file=sys.stderr)
        sys.exit(69)


def main() -> None:
    """Measure and print."""
    asked = arguments("Acknowledged updates a second over HTTP.", rounds=5)
    need("wrk", "install wrk (Debian: apt-get install wrk)")
    notes = machine(connections=CONNECTIONS)
    server, found = anyio.run(partial(bench, asked.rounds, quick=asked.quick))
    case = Case("", "acks/s", "ours", found, BARS, inverse=True, against=dict.fromkeys(WATCHED, SILENT))
    report([case], notes | {"fdatasync/s": f"{server.syncs:,.0f}"}, as_json=asked.json)


if __name__ == "__main__":
    main()
