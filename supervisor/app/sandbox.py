"""The sandbox from the supervisor's side: what `run --sandbox` configures, and `vigil sandbox serve|say|faults`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

import anyio
from anyio.abc import TaskStatus

from bot.sandbox import identity
from supervisor.app.sandbox_process import Running, ensure, remove_pid_file, stop, write_pid_file
from supervisor.errors import ConfigError, ExitCode, Unavailable, UsageError

__all__ = ["Running", "add_sandbox_commands", "ensure", "environment", "serve", "stop"]

DEFAULT_PORT: Final = 8081
KINDS: Final = ("photo", "video", "audio", "voice", "animation", "document")
WIDTH: Final = 79
INDENT: Final = " " * 6
WAIT_SECONDS: Final = 10.0


def environment(port: int, public_port: int) -> dict[str, str]:
    """Return the settings of a bot that talks to the sandbox on `port` and is reached by it on `public_port`."""
    return {
        "TELEGRAM_API_URL": f"http://127.0.0.1:{port}",
        "TELEGRAM_BOT_TOKEN": identity.TOKEN,
        "KIE_API_URL": f"http://127.0.0.1:{port}/kie",
        "KIE_API_KEY": identity.PROVIDER_KEY,
        "KIE_CALLBACK_HMAC_KEY": identity.CALLBACK_KEY,
        "ADMIN_ID": str(identity.ADMIN_ID),
        "WEBHOOK_BASE_URL": f"http://127.0.0.1:{public_port}",
    }


async def serve(
    home: Path,
    port: int,
    *,
    managed: bool = False,
    task_status: TaskStatus[str] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the sandbox on this machine until cancelled; `started` gets its address.

    A managed one belongs to its home: it leaves a pid file there, and the home's daemon stops it.
    """
    from bot.sandbox.server import PortTakenError
    from bot.sandbox.server import serve as serve_sandbox
    from bot.sandbox.store import HomeInUseError, StateError

    try:
        await serve_sandbox(home, port, task_status=_Noting(home, task_status) if managed else task_status)
    except PortTakenError as taken:
        hint = "set SANDBOX_PORT to a free port, or use the sandbox that runs there."
        raise Unavailable(str(taken), hint=hint) from taken
    except HomeInUseError as taken:
        hint = "use that one, or set VIGIL_HOME to a folder of your own."
        raise Unavailable(str(taken), hint=hint) from taken
    except StateError as broken:
        hint = f"remove {home / 'sandbox'} to begin with empty chats, or set VIGIL_HOME to a folder of your own."
        raise Unavailable(str(broken), hint=hint) from broken
    finally:
        if managed:
            remove_pid_file(home)


class _Noting(TaskStatus[str]):
    """Writes the pid file before it passes on that the sandbox answers."""

    def __init__(self, home: Path, status: TaskStatus[str]) -> None:
        self._home = home
        self._status = status

    def started(self, value: str | None = None) -> None:
        write_pid_file(self._home)
        self._status.started(value or "")


def add_sandbox_commands(verbs: Any) -> None:
    """Add `sandbox serve|say|faults` to the subparsers of the command line."""
    actions = verbs.add_parser("sandbox", help="Telegram and the provider, played on this machine").add_subparsers(
        metavar="ACTION", required=True
    )
    served = actions.add_parser("serve", help="Bot API, provider and chat page on SANDBOX_PORT; state in VIGIL_HOME")
    served.add_argument("--managed", action="store_true", help=argparse.SUPPRESS)
    served.set_defaults(command=_serve)

    said = actions.add_parser("say", help="be a user: write or press a button, and see what the bot answers")
    said.add_argument("text", metavar="TEXT", nargs="?", default="", help="what to write")
    said.add_argument("--press", metavar="LABEL", default="", help="press this button of the newest message with it")
    said.add_argument(
        "--file", metavar="PATH", type=Path, action="append", default=[], help="send this file; again for an album"
    )
    said.add_argument("--as", dest="kind", choices=KINDS, default="", help="as what files are sent (what each is)")
    said.add_argument(
        "--chat", metavar="ID", type=int, default=identity.USER_ID, help="who to be (%(default)s); a group: -100…"
    )
    said.add_argument("--user", metavar="ID", type=int, default=0, help=f"who to be in a group ({identity.USER_ID})")
    said.add_argument("--reply", metavar="MESSAGE_ID", type=int, default=0, help="answer this message of the chat")
    said.add_argument("--lang", choices=("en", "ru"), default="", help="the language to have from now on")
    said.add_argument("--wait", metavar="SECONDS", type=float, default=WAIT_SECONDS, help="how long (%(default)g)")
    said.add_argument("--json", action="store_true", help="one JSON object a message")
    said.set_defaults(command=_say)

    faulty = actions.add_parser("faults", help="show or set faults and latencies")
    faulty.add_argument(
        "settings", metavar="NAME=VALUE", nargs="*", help="VALUE*COUNT: so many times; NAME=off: reset; off alone: all"
    )
    faulty.add_argument("--json", action="store_true", help="all of them as JSON")
    faulty.set_defaults(command=_faults)


async def _serve(arguments: argparse.Namespace) -> int:
    from supervisor.home import create_home
    from telemetry import logging

    pretty = sys.stderr.isatty()
    logging.configure(level="INFO", format="pretty" if pretty else "json", instance_id=f"sandbox-{os.getpid()}")
    home, port = create_home(_home()), _port()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as group:
            address = await group.start(partial(serve, home, port, managed=arguments.managed))
            sys.stdout.write(f"Sandbox: chat page {address}/  ·  Bot API {address}/bot…  ·  provider {address}/kie\n")
            sys.stdout.flush()
            async for _ in signals:
                group.cancel_scope.cancel()
                break
    return ExitCode.OK


async def _say(arguments: argparse.Namespace) -> int:
    from supervisor.app.say import Words, say

    words = Words(
        arguments.text,
        arguments.press,
        arguments.lang,
        tuple(arguments.file),
        arguments.kind,
        arguments.user,
        arguments.reply,
    )
    return await say(_port(), words, chat=arguments.chat, wait=arguments.wait, as_json=arguments.json)


async def _faults(arguments: argparse.Namespace) -> int:
    import httpx

    from bot.sandbox.client import SandboxError, connected
    from bot.sandbox.faults import CATALOGUE, FaultError, parse_all

    wanted = [f"{name}=off" for name in CATALOGUE] if arguments.settings == ["off"] else arguments.settings
    try:
        settings = parse_all(wanted)
    except FaultError as error:
        raise UsageError(str(error), hint="vigil sandbox faults, without arguments, lists all with meaning") from error
    texts = dict(text.split("=", 1) for text in wanted)
    port = _port()
    try:
        async with connected(f"http://127.0.0.1:{port}") as client:
            found = await (client.set_faults(**texts) if settings else client.faults())
    except (httpx.HTTPError, SandboxError) as error:
        hint = "vigil run --sandbox, or vigil sandbox serve; SANDBOX_PORT says where it is."
        raise Unavailable(f"No sandbox answers on port {port}: {error}.", hint=hint) from error
    named = {setting.name for setting in settings}
    shown = [fault for fault in found if not named or fault["name"] in named or fault["set"]]
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if arguments.json else fault_table(shown))
    return ExitCode.OK


def fault_table(faults: list[dict[str, Any]]) -> str:
    """Return each fault as a line of name and value, a star if it is set, and below it what it does and takes."""
    width = max((len(fault["name"]) for fault in faults), default=0)
    lines = []
    for fault in faults:
        value = "off" if fault["value"] is None else "on" if fault["value"] is True else str(fault["value"])
        counted = f" (next {fault['count']})" if fault["count"] else ""
        lines.append(f"{'*' if fault['set'] else ' '} {fault['name']:<{width}}  {value}{counted}")
        words = f"{fault['meaning']} (takes {fault['accepts']})"
        lines += wrap(words, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    return "\n".join([*lines, ""])


def _home() -> Path:
    from supervisor.home import from_here, resolve_home

    given = os.environ.get("VIGIL_HOME")
    return from_here(Path(given)) if given else resolve_home()


def _port() -> int:
    given = os.environ.get("SANDBOX_PORT") or str(DEFAULT_PORT)
    if not given.isdecimal() or not 0 < int(given) <= 65_535:  # noqa: PLR2004 - the highest port
        raise ConfigError(f"SANDBOX_PORT is {given!r}, not a port.", hint="SANDBOX_PORT=8081")
    return int(given)
