"""The instances of one test on one fresh database, the sender that feeds them all, and the referee over both."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg

from supervisor.inbox.lanes import MAX_SPARED, MAX_STARTS
from tests.chaos.arena import Arena
from tests.chaos.faults import revive
from tests.chaos.inbox.bodies import CHATS, given
from tests.chaos.inbox.door import Door
from tests.chaos.inbox.feeder import Feeder, Mix
from tests.chaos.inbox.polled import Polled
from tests.chaos.inbox.referee import Effect, History, Kept, Sent, Start, judge, told
from tests.chaos.inbox.script import Script
from tests.chaos.proxy import Link
from tests.process.app.fleet import DEADLINE, free_port, until

TABLE = """
CREATE TABLE inbox_effect (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, inbox_id bigint NOT NULL, lane text NOT NULL,
    epoch bigint NOT NULL, pid integer NOT NULL, attempt integer NOT NULL, at timestamptz DEFAULT clock_timestamp()
);
SELECT lock_fence_table('inbox_effect');
CREATE TABLE inbox_return (inbox_id bigint NOT NULL, epoch bigint NOT NULL, attempts integer NOT NULL);
CREATE FUNCTION inbox_returned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO inbox_return VALUES (OLD.id, OLD.owner_epoch, NEW.attempts);
    RETURN NULL;
END $$;
CREATE TRIGGER zz_returned AFTER UPDATE ON inbox FOR EACH ROW
    WHEN (OLD.state = 'claimed' AND NEW.state = 'ready') EXECUTE FUNCTION inbox_returned();
"""
"""What handlers write, and every row that was claimed and made ready again, by whose claim."""
ROWS = "SELECT id, source, dedupe_key, lane, state, attempts FROM inbox ORDER BY id"
EFFECTS = """
SELECT id AS number, inbox_id, epoch, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1e9)::bigint - $1::bigint AS committed
  FROM inbox_effect ORDER BY id
"""
"""On the clock of the processes, which lags so many nanoseconds behind the server's."""
OPEN = "SELECT id, lane, state, attempts FROM inbox WHERE state IN ('ready', 'claimed') ORDER BY id LIMIT 50"
GIVE = """
INSERT INTO inbox (source, dedupe_key, lane, body)
SELECT source, dedupe_key, lane, convert_to(body, 'UTF8')
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
       WITH ORDINALITY AS given (source, dedupe_key, lane, body, place) ORDER BY place
"""
MISSING = """
SELECT source, dedupe_key FROM unnest($1::text[], $2::text[]) AS acked (source, dedupe_key)
 WHERE NOT EXISTS (SELECT FROM inbox WHERE (inbox.source, inbox.dedupe_key) = (acked.source, acked.dedupe_key))
"""
HOLDER = """
SELECT instance_id FROM lock_heartbeat WHERE state = 'held' AND backend_pid IN (SELECT pid FROM pg_stat_activity)
"""
"""A successor of the same name is no holder: the session tells."""
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What asking raises while the server is being restarted."""
FINISH_SECONDS = 60.0
UNCOUNTED = MAX_SPARED + 1
"""Starts of a row that a term need not count: spoilt by the database, and one that its drain cuts short."""


class House:
    """The instances, and what they are fed."""

    def __init__(self, arena: Arena, url: str, folder: Path) -> None:
        self.arena = arena
        self.url = url
        self.doors: dict[str, Door] = {}
        self.given: list[Sent] = []
        self._folder = folder
        self._telegram = free_port()
        self._stack = ExitStack()

    @contextmanager
    def running(self) -> Iterator[House]:
        """Be there while the block runs; no process outlives it."""
        self.arena.ask(self.url, TABLE)
        with self._stack:
            try:
                yield self
            finally:
                for door in self.doors.values():
                    door.end()

    @property
    def instances(self) -> Mapping[str, Door]:
        """Every instance by its name."""
        return self.doors

    def start(self, *names: str, settle: bool = True, **setup: str) -> list[Door]:
        """Start instances, new ones or again; `settle`: wait until each accepts updates."""
        for name in names:
            if name not in self.doors:
                link = self._stack.enter_context(Link(self.arena.portal, self.url).running())
                self.doors[name] = Door.named(name, self._folder, link, self.ask, setup)
            self.doors[name].start()
        for name in names if settle else ():
            until(self.doors[name].listens, self.story)
        return [self.doors[name] for name in names]

    def pair(self, **setup: str) -> tuple[Door, Door]:
        """Start two; the first is ACTIVE."""
        (first,) = self.start("a", settle=True, **setup)
        self.wait_active()
        (second,) = self.start("b", settle=True, **setup)
        return first, second

    def active(self) -> Door | None:
        """Return the living instance that holds the lease, if the database says that one does."""
        with suppress(*AWAY):
            for row in self.ask(HOLDER):
                door = self.doors[row["instance_id"].rpartition("-")[0]]
                return door if door.alive else None
        return None

    def passive(self) -> Door:
        """Return one that does not lead."""
        return next(door for door in self.doors.values() if door is not self.active())

    def wait_active(self, seconds: float = DEADLINE) -> Door:
        """Wait until an instance leads and says so itself."""

        def there() -> Door | None:
            found = self.active()
            return found if found is not None and found.role() == "ACTIVE" else None

        return until(there, self.story, seconds)

    def ask(self, query: str, *arguments: object) -> list[Any]:
        """Run one query, past every link."""
        return self.arena.ask(self.url, query, *arguments)

    def give(self, rows: Sequence[tuple[str, str, Script]]) -> None:
        """Store rows past every instance, as one that nobody sees would: source, lane and script of each."""
        first = len(self.given)
        keys = [f"given-{first + place}" for place in range(len(rows))]
        sources, lanes = [source for source, _, _ in rows], [lane for _, lane, _ in rows]
        self.ask(GIVE, sources, keys, lanes, [given(script).decode() for _, _, script in rows])
        self.given += [
            Sent((source, key), lane, place, script)
            for place, (key, (source, lane, script)) in enumerate(zip(keys, rows, strict=True), first)
        ]

    @contextmanager
    def fed(self, mix: Mix, rng: random.Random, chats: Sequence[int] = CHATS) -> Iterator[Feeder]:
        """Deliver to every instance while the block runs; then wait until all that was sent is acknowledged."""
        with self._feeding(Feeder([door.port for door in self.doors.values()], rng, mix), chats) as feeder:
            yield feeder

    @property
    def polling(self) -> dict[str, str]:
        """What makes an instance poll the one that `polled` feeds."""
        return {"BOT_MODE": "polling", "TELEGRAM_API_URL": f"http://127.0.0.1:{self._telegram}"}

    @contextmanager
    def polled(self, mix: Mix, rng: random.Random, chats: Sequence[int] = CHATS) -> Iterator[Feeder]:
        """Let instances poll while the block runs; then wait until all that was sent is confirmed."""
        with self._feeding(Polled([self._telegram], rng, mix), chats) as feeder:
            yield feeder

    @contextmanager
    def _feeding(self, feeder: Feeder, chats: Sequence[int]) -> Iterator[Feeder]:
        task = self.arena.portal.start_task_soon(feeder.run, chats)
        try:
            yield feeder
            feeder.stop()
            until(lambda: self._revived() and task.done(), self.story, FINISH_SECONDS)
            task.result(0)
        finally:
            task.cancel()

    def finish(self, seconds: float = FINISH_SECONDS) -> None:
        """Wait until no row is left to be handled."""
        until(lambda: self._revived() and not self.ask(OPEN), lambda: f"{self.ask(OPEN)}\n{self.story()}", seconds)

    def _revived(self) -> bool:
        revive(self)
        return True

    def missing(self, feeder: Feeder) -> list[str]:
        """Return what has been acknowledged up to now and is no row; I1 at any moment."""
        acked = list(feeder.acked)
        sources, keys = [source for source, _ in acked], [key for _, key in acked]
        return [f"lost: {row['source']} {row['dedupe_key']}" for row in self.ask(MISSING, sources, keys)]

    def history(self, feeder: Feeder | None = None) -> History:
        """Return everything that happened."""
        kept = [
            Kept(row["id"], (row["source"], row["dedupe_key"]), row["lane"], row["state"], row["attempts"])
            for row in self.ask(ROWS)
        ]
        sent = [*self.given, *(feeder.history() if feeder else ())]
        effects = [Effect(**row) for row in self.ask(EFFECTS, time.time_ns() - time.monotonic_ns())]
        return History(sent, kept, effects, self.starts())

    def starts(self) -> list[Start]:
        """Return every start of a handler."""
        path = self._folder / "starts"
        lines = path.read_text(encoding="ascii").split("\n")[:-1] if path.exists() else []
        return [Start(*map(int, line.split())) for line in lines]

    def verdict(self, feeder: Feeder | None = None) -> str:
        """Return what the referee finds, empty when nothing is wrong."""
        return told((*judge(self.history(feeder), MAX_STARTS, UNCOUNTED), *(feeder.refused if feeder else ())))

    def story(self) -> str:
        """Tell how every instance stands, for a failure's text."""
        return "\n".join(f"{door.name}: {door.process.poll()}\n{door.output()[-2500:]}" for door in self.doors.values())


def shortly(seconds: float) -> None:
    """Let the sender and the instances work."""
    time.sleep(seconds)
