"""`vigil status`: what the running instance says of itself, by its socket, else by HTTP."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.to_thread

from supervisor import control
from supervisor.commands.reach import base_settings
from supervisor.commands.terminal import HOME, say, say_json, table
from supervisor.control.client import Closed, NotRunning
from supervisor.errors import ExitCode
from supervisor.health import standing
from supervisor.settings import Settings

HTTP_SECONDS = 3.0
WATCH_SECONDS = 2.0


async def show(arguments: argparse.Namespace) -> int:
    """Show it once, or with --watch again every two seconds."""
    base = base_settings()
    while True:
        found = await _fetch(base, arguments.instance)
        if found is None:
            _say_nobody(base)
            code = ExitCode.NOT_RUNNING
        else:
            _say_found(found, arguments)
            code = ExitCode.OK if found["status"] == "ok" else ExitCode.FAILED
        if not arguments.watch:
            return code
        await anyio.sleep(WATCH_SECONDS)


async def _fetch(base: Settings, wanted: str | None) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await (await control.choose(base.vigil_home, wanted)).ask("status")
    except (NotRunning, Closed):
        if wanted is not None:
            raise
        return await anyio.to_thread.run_sync(_by_http, *_operators(base))
    return found


def _operators(base: Settings) -> tuple[str, int]:
    host = "127.0.0.1" if base.ops_host in {"0.0.0.0", "::"} else base.ops_host  # noqa: S104 - compared, not bound
    return host, base.ops_port


def _by_http(host: str, port: int) -> dict[str, Any] | None:
    connection = http.client.HTTPConnection(host, port, timeout=HTTP_SECONDS)
    try:
        connection.request("GET", "/status")
        body: Any = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    # Another program may listen there, and speak JSON too.
    return body if isinstance(body, dict) and "lock_state" in body else None


def _say_nobody(base: Settings) -> None:
    host, port = _operators(base)
    sys.stderr.write(f"vigil: no instance of {base.vigil_home} is running, and no instance answers on {host}:{port}.\n")
    sys.stderr.write("Try: vigil run; VIGIL_HOME, or OPS_HOST and OPS_PORT, say where it is.\n")


def _say_found(found: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.json:
        # Watched, each look is one line, so that a program can tell them apart.
        say_json(found, indent=None if arguments.watch else 2)
        return
    clear = HOME if arguments.watch and sys.stdout.isatty() else ""
    say(clear + "\n".join(status_lines(found)))


def status_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what `/status` tells, for people."""
    age, waiting = found["heartbeat_age_seconds"], found["takeover_in_seconds"]
    role = standing(found["role"], found["instance_id"], found["holder"], age, waiting)
    lines = [
        f"status     {found['status']}" + ("" if found["ready"] else f"  not ready: {', '.join(found['not_ready'])}"),
        f"role       {role}" + ("" if found["lock_state"] == found["role"] else f" ({found['lock_state']})"),
        f"instance   {found['instance_id']}  version {found['version']}  up {found['uptime_seconds']:.0f} s"
        + (f"  {found['mode']}" if found.get("mode") else ""),
        f"lock       epoch {found['epoch'] or '-'}, holder {found['holder'] or '-'}, heartbeat "
        + ("-" if age is None else f"{age:.1f} s ago"),
        f"inbox      {', '.join(f'{key} {value:g}' for key, value in found['inbox'].items()) or '-'}",
        f"loop lag   {found['loop_lag_seconds'] * 1000:.0f} ms at most",
    ]
    children = [
        (
            f"  {child['name']}",
            child["state"],
            f"restarts {child['restarts']}",
            f"last error: {child['last_error']}" if child["last_error"] else "",
        )
        for child in found["children"]
    ]
    return lines + table(children)
