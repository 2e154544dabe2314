"""`vigil run` with a bot that does what each update's script says; all else of the process is the product's own.

starts   one line for every start of a handler: "NANOSECONDS EPOCH PID INBOX_ID ATTEMPT", CLOCK_MONOTONIC
effects  rows of `inbox_effect`, written in the handler's own transaction
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from bot import services
from bot.catalogue import Catalogue
from supervisor.app import infrastructure
from supervisor.cli import main
from supervisor.keeper import Keeper
from tests.chaos.inbox.script import Script

STARTS = "INBOX_STARTS"
"""The variable that names the file of the starts."""
EFFECT = """
INSERT INTO inbox_effect (inbox_id, lane, epoch, pid, attempt) VALUES ($1::bigint, $2::text, $3::bigint, $4::int, $5::int)
"""


class ToldTo(Exception):
    """A handler failed because its script says so."""


@dataclass(frozen=True, slots=True)
class Scripted(services.Services):
    """The product's services with other handlers, and nothing that reaches out but the poller."""

    epoch: int = 0
    starts: int = -1

    async def handle(self, row: Any, connection: Any) -> None:
        """Do what the row's script says."""
        line = b"%d %d %d %d %d\n" % (time.monotonic_ns(), self.epoch, os.getpid(), row.id, row.attempts)
        os.write(self.starts, line)
        script = Script.in_body(row.body)
        if script.word == "quiet":
            return
        if script.word == "poison" or (script.word == "fail" and row.attempts <= script.number):
            raise ToldTo(str(script))
        await connection.execute(EFFECT, row.id, row.lane, self.epoch, os.getpid(), row.attempts)
        if script.word == "deadly" or (script.word == "kill" and row.attempts <= script.number):
            os.kill(os.getpid(), signal.SIGKILL)
        if script.word == "slow":
            await anyio.sleep(script.number)
        if script.word == "hang":
            await anyio.sleep_forever()


def build(given: services.Surroundings, models: Catalogue) -> Scripted:
    """Return the product's services of one term with the handlers exchanged."""
    real = BUILD(given, models)
    kept = {field.name: getattr(real, field.name) for field in fields(real)}
    children = {name: serve for name, serve in real.children.items() if name == "poller"}
    starts = os.open(Path(os.environ[STARTS]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    return Scripted(**{**kept, "children": children, "epoch": given.term.epoch, "starts": starts})


BUILD = services.build

if __name__ == "__main__":
    services.build = build
    # Takeovers that follow each other closely would wait longer and longer, and most kills hit nobody at work.
    vars(infrastructure)["Keeper"] = partial(Keeper, damped=False)
    sys.argv = ["vigil", "run"]
    main()
