"""What `vigil run` tells the person who started it: role, addresses, and where to chat."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio

from supervisor import __version__
from supervisor.app.instance import Instance
from supervisor.clock import boottime
from supervisor.health import Status, standing

ROLE_SECONDS = 1.0
"""How long to wait for the first term before saying PASSIVE."""


async def announce(instance: Instance, public: tuple[str, int], operators: tuple[str, int]) -> None:
    """Print the block of addresses once; to standard output, so that logs can go elsewhere."""
    with anyio.move_on_after(ROLE_SECONDS):
        await instance.led.wait()
    status = await instance.status()
    embedded = instance.settings.direct_url is None
    waiting = instance.keeper.view.takeover_in(boottime()) if instance.keeper else None
    tell(lines(role_of(status, waiting), public, operators, _chat_page(instance), embedded=embedded))


def tell(text: str) -> None:
    """Print for the person at the terminal; without one the program goes on."""
    try:
        print(text, flush=True)  # noqa: T201 - see above
    except OSError:
        # What could not be written would be tried again, and fail again, when the process ends.
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def role_of(status: Status, waiting: float | None) -> str:
    """Say the role, and how long an instance that was started alone waits at most: this is said only once."""
    age, takeover_in = status.heartbeat_age_seconds, status.takeover_in_seconds
    words = standing(status.role, status.instance_id, status.holder, age, takeover_in)
    if waiting is None or status.takeover_in_seconds:
        return words
    return f"{words}, taking over in {waiting:.0f} s if it stays silent"


def lines(
    role: str,
    public: tuple[str, int],
    operators: tuple[str, int],
    chat_page: str | None,
    *,
    embedded: bool = False,
) -> str:
    """Return the block of text."""
    rows = [("role", role)]
    if chat_page:
        rows.append(("chat", chat_page))
    rows += [
        ("public", f"{_url(public)}  /health /readyz /webhook/…"),
        ("operators", f"{_url(operators)}  /status /metrics"),
    ]
    if embedded:
        rows.append(("database", "embedded: this machine only; for several hosts set DATABASE_URL"))
    body = "\n".join(f"  {name:<10} {value}" for name, value in rows)
    end = "Ctrl-C drains and stops." if sys.stdout.isatty() else ""
    return f"\nVigil {__version__} is up.\n{body}\n{end}"


def _url(address: tuple[str, int]) -> str:
    # An IPv6 address has more parts than these two.
    host, port = address[0], address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _chat_page(instance: Instance) -> str | None:
    return f"http://127.0.0.1:{instance.settings.sandbox_port}/" if instance.sandbox else None
