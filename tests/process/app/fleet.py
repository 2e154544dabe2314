"""Whole instances as real processes: `vigil run --sandbox` on a real database, and the sandbox they talk to."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anyio
import httpx

from bot.sandbox import identity

DEADLINE = 30.0
"""Seconds anything may take to come about; a test that waits longer has failed."""
USER = 1001
PORTS = random.Random(os.getpid())

T = TypeVar("T")


def free_port() -> int:
    """Return a port that nothing listens on, below those the kernel lends to outgoing connections."""
    while True:
        port = PORTS.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def until(condition: Callable[[], T | None], what: str | Callable[[], str], seconds: float = DEADLINE) -> T:
    """Ask again until the condition is true; fail naming what did not come about."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"did not come about in {seconds:g} s: {what() if callable(what) else what}")


async def until_async(condition: Callable[[], Awaitable[object]], what: str, seconds: float = DEADLINE) -> None:
    """Ask again until the condition is true; fail naming what did not come about."""
    with anyio.move_on_after(seconds):
        while not await condition():  # noqa: ASYNC110 - the condition lies in another process
            await anyio.sleep(0.01)
        return
    raise AssertionError(f"did not come about in {seconds:g} s: {what}")


@dataclass
class Program:
    """A `vigil` command as a process of its own, its output kept for the failure's text."""

    arguments: tuple[str, ...]
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)
    module: ClassVar[str] = "supervisor"

    def start(self) -> None:
        """Start it; several starts append to one log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, *self.arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "LOG_FORMAT": "json", **self.environment},
                cwd=self.log.parent,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def signal_term(self) -> None:
        """Ask it to drain."""
        self.signal(signal.SIGTERM)

    def wait(self, seconds: float = DEADLINE) -> int:
        """Return its exit code once it has ended."""
        return self.process.wait(seconds)

    def end(self) -> None:
        """Be sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)

    def output(self) -> str:
        """Return everything it has written."""
        return self.log.read_text(errors="replace")


@dataclass
class Sandbox(Program):
    """The Telegram and the provider that instances talk to."""

    port: int = 0

    def url(self, path: str) -> str:
        """Return the address of a path of it."""
        return f"http://127.0.0.1:{self.port}{path}"

    def answers(self) -> bool:
        """Tell whether it accepts connections."""
        return _get(self.url("/sandbox/health")) is not None

    def set_faults(self, **values: str) -> None:
        """Make things go wrong, or right again with `off`."""
        httpx.put(self.url("/sandbox/faults"), json=values, timeout=5).raise_for_status()

    def write(self, text: str, chat: int = USER, language: str = "en") -> None:
        """Send a message as a user."""
        body = {"text": text, "language": language}
        httpx.post(self.url(f"/sandbox/chats/{chat}/text"), json=body, timeout=10).raise_for_status()

    def press(self, label: str, chat: int = USER) -> None:
        """Press the button with this label on the newest message that has one."""
        answer = httpx.post(self.url(f"/sandbox/chats/{chat}/press"), json={"label": label}, timeout=10)
        answer.raise_for_status()

    def check_out(self, payload: str, amount: int, chat: int = USER) -> str:
        """Be about to pay as a user; return the id of the question that the bot gets."""
        body = {"payload": payload, "amount": amount}
        answer = httpx.post(self.url(f"/sandbox/chats/{chat}/checkout"), json=body, timeout=10)
        return str(answer.raise_for_status().json()["id"])

    def checkouts(self) -> dict[str, dict[str, Any]]:
        """Return who was about to pay and what the bot said, by the question's id."""
        found = _get(self.url("/sandbox/checkouts")) or {}
        return {asked["id"]: asked for asked in found.get("checkouts", [])}

    def api(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the Bot API as the bot, from elsewhere."""
        answer = httpx.post(self.url(f"/bot{identity.TOKEN}/{method}"), json=parameters, timeout=30)
        found: dict[str, Any] = answer.json()
        return found

    def calls(self, method: str) -> list[dict[str, Any]]:
        """Return the newest calls of a method of the Bot API."""
        found = _get(self.url(f"/sandbox/calls?method={method}"))
        return list((found or {}).get("calls", []))

    def state(self) -> dict[str, Any]:
        """Return how the bot gets its updates, and how many are pending."""
        return _get(self.url("/sandbox/state")) or {}

    def messages(self, chat: int = USER) -> list[dict[str, Any]]:
        """Return what the bot has said in a chat, as it stands now."""
        found = _get(self.url(f"/sandbox/chats/{chat}/messages"))
        return [message for message in (found or {}).get("messages", []) if message.get("from_bot")]

    def tasks(self) -> list[dict[str, Any]]:
        """Return every task the provider has accepted."""
        found = _get(self.url("/sandbox/tasks"))
        return list((found or {}).get("tasks", []))

    def wait_for(self, what: str, condition: Callable[[dict[str, Any]], bool], chat: int = USER) -> dict[str, Any]:
        """Return the first message of the bot that fulfils the condition, once there is one."""
        return until(lambda: next((m for m in self.messages(chat) if condition(m)), None), what)

    def pictures(self, chat: int = USER) -> list[dict[str, Any]]:
        """Return the pictures in a chat."""
        return [message for message in self.messages(chat) if message["kind"] == "photo"]


@dataclass
class Instance(Program):
    """One `vigil run --sandbox`."""

    port: int = 0
    ops_port: int = 0

    def status(self) -> dict[str, Any] | None:
        """Return its /status, or None while it does not answer."""
        return _get(f"http://127.0.0.1:{self.ops_port}/status")

    def role(self) -> str | None:
        """Return its role, or None while it does not answer."""
        status = self.status()
        return status["role"] if status else None

    def wait_role(self, role: str, seconds: float = DEADLINE) -> None:
        """Wait until it has this role and every child of it is ready."""

        def there() -> bool:
            status = self.status()
            if self.process.poll() is not None:
                raise AssertionError(f"the instance ended with {self.process.returncode}:\n{self.output()[-4000:]}")
            return bool(status and status["role"] == role and all(c["state"] == "ready" for c in status["children"]))

        until(there, f"{role}: {self.output()[-2000:]}", seconds)

    def kill(self) -> None:
        """End it with kill -9, and wait for the body."""
        self.process.kill()
        self.process.wait(DEADLINE)


def _get(url: str) -> dict[str, Any] | None:
    try:
        answer = httpx.get(url, timeout=5)
        answer.raise_for_status()
        found: dict[str, Any] = json.loads(answer.text)
    except (httpx.HTTPError, ValueError):
        return None
    return found
