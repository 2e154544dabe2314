"""One instance as a test of the inbox sees it: the process, the link to its database, the port that takes updates."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.chaos.inbox.daemon import STARTS
from tests.chaos.inbox.feeder import PATH, TOKEN
from tests.chaos.member import ROOT
from tests.chaos.proxy import Link
from tests.process.app.fleet import Instance, free_port

GRACE_SECONDS = 21
"""The shortest that is accepted: it leaves a drain three seconds."""
BOT = "4242:chaos-token-of-nobody"


@dataclass
class Door(Instance):
    """`vigil run` with a scripted bot; the same name may be started again after its end, as a new process."""

    module: ClassVar[str] = "tests.chaos.inbox.daemon"
    name: str = field(kw_only=True)
    link: Link = field(kw_only=True)
    ask: Callable[..., Any] = field(kw_only=True)

    @classmethod
    def named(cls, name: str, folder: Path, link: Link, ask: Callable[..., Any], setup: dict[str, str]) -> Door:
        """Return one that is not started yet, with ports of its own; its home is not shared with the others."""
        port, ops_port = free_port(), free_port()
        environment = {
            "PYTHONPATH": str(ROOT),
            "VIGIL_HOME": str(folder / name),
            "DATABASE_URL": link.url,
            "PORT": str(port),
            "OPS_PORT": str(ops_port),
            "INSTANCE_NAME": name,
            "LOCK_PROFILE": "fast",
            "SHUTDOWN_GRACE": str(GRACE_SECONDS),
            "TELEGRAM_BOT_TOKEN": BOT,
            "KIE_API_KEY": "nobody",
            "ADMIN_ID": "1",
            "WEBHOOK_BASE_URL": "https://bot.example",
            "WEBHOOK_SECRET_PATH": PATH,
            "WEBHOOK_SECRET_TOKEN": TOKEN,
            STARTS: str(folder / "starts"),
            **setup,
        }
        log = folder / f"{name}.log"
        return cls((), log, environment, port=port, ops_port=ops_port, name=name, link=link, ask=ask)

    @property
    def alive(self) -> bool:
        """Whether the process exists."""
        return self.process.poll() is None

    def pause(self) -> None:
        """Freeze it."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, if it still can."""
        self.signal(signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to drain."""
        self.signal_term()

    def say(self, *words: object) -> None:
        """Ask whoever leads to hand over, as `vigil handover` does."""
        assert words == ("handover",)
        self.ask("SELECT pg_notify('vigil_lock', 'handover ' || epoch) FROM lock_epoch")

    def listens(self) -> bool:
        """Tell whether it answers and has no reason not to accept updates."""
        status = self.status()
        return status is not None and not status["not_ready"]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return what it has logged of one event."""
        return [line for line in _records(self.output()) if line.get("event") == event]


def _records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
