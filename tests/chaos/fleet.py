"""The instances of one test on one fresh database, each behind a link of its own; the referee judges them together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.arena import Arena, last
from tests.chaos.member import DEADLINE, Member
from tests.chaos.proxy import Link
from tests.chaos.referee import Kept, Stamp, Verdict, judge
from tests.process.app.fleet import until

TABLE = """
CREATE TABLE chaos_write (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, epoch bigint NOT NULL, pid integer NOT NULL
);
SELECT lock_fence_table('chaos_write');
"""
WRITES = """
SELECT id AS number, epoch, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS committed
  FROM chaos_write ORDER BY id
"""
TERMS = """
SELECT id AS number, epoch, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS committed
  FROM lock_events WHERE kind IN ('first', 'handover', 'takeover', 'reclaim') ORDER BY id
"""


class Fleet:
    """The instances of one test on one fresh database."""

    def __init__(self, arena: Arena, url: str, folder: Path) -> None:
        self.arena = arena
        self.url = url
        self.instances: dict[str, Member] = {}
        self._folder = folder
        self._stack = ExitStack()

    @contextmanager
    def running(self, *, table: bool = True) -> Iterator[Fleet]:
        """Be there while the block runs, with a table to write to; no process outlives it."""
        if table:
            self.arena.ask(self.url, TABLE)
        try:
            with self._stack:
                yield self
        finally:
            for instance in self.instances.values():
                instance.kill()

    def start(self, *names: str, settle: bool = True, **setup: Any) -> list[Member]:
        """Start instances, new ones or again; `settle`: wait until each has seen how the lock stands."""
        started = []
        for name in names:
            if name not in self.instances:
                link = self._stack.enter_context(Link(self.arena.portal, self.url).running())
                self.instances[name] = Member(name, self._folder, link)
            instance = self.instances[name]
            shown = len(instance.views())
            instance.start(**self._urls(instance.link, **setup))
            started.append((instance, shown))
        for instance, shown in started if settle else ():
            until(partial(_settled, instance, shown), self.story)
        return [instance for instance, _ in started]

    def _urls(
        self, link: Link, *, through_link: bool = False, search_path: str | None = None, **setup: Any
    ) -> dict[str, Any]:
        """Writes take the short way unless told; a search path makes the lock's functions those of another schema."""
        path = f"?search_path={search_path}" if search_path else ""
        return {"control_url": link.url + path, "database_url": link.url if through_link else self.url, **setup}

    def trio(self, **setup: Any) -> tuple[Member, Member, Member]:
        """Start three; the first is ACTIVE."""
        (first,) = self.start("a", **setup)
        self.wait_active()
        second, third = self.start("b", "c", **setup)
        return first, second, third

    def active(self) -> Member | None:
        """Return the instance that acts, if one does."""
        return next((instance for instance in self.instances.values() if instance.acting), None)

    def wait_active(self, seconds: float = DEADLINE, *, beyond: int = 0) -> Member:
        """Wait until an instance acts in a term later than `beyond`."""

        def there() -> Member | None:
            found = self.active()
            last = found.last_stamp() if found else None
            return found if last and last.epoch > beyond else None

        return until(there, self.story, seconds)

    def keeps(self, epoch: int, seconds: float) -> None:
        """Let a fault last, and be sure that it cost no term."""
        last(seconds)
        assert self.epoch() == epoch, self.events()

    def epoch(self) -> int:
        """Return the current epoch."""
        return int(self.ask("SELECT epoch FROM lock_epoch")[0]["epoch"])

    def ask(self, query: str, *arguments: object) -> list[Any]:
        """Run one query, past every link."""
        return self.arena.ask(self.url, query, *arguments)

    def waiting(self) -> bool:
        """Tell whether a control session waits for a lock."""
        query = "SELECT FROM pg_stat_activity WHERE application_name LIKE 'vigil keeper%' AND wait_event_type = 'Lock'"
        return bool(self.ask(query))

    def events(self) -> list[str]:
        """Return the terms and their ends as the lock's own log tells them."""
        return [
            f"{row['epoch']} {row['kind']} {row['reason']}" for row in self.ask("SELECT * FROM lock_events ORDER BY id")
        ]

    def began(self, epoch: int) -> float:
        """Return the CLOCK_MONOTONIC seconds of the first effect of a term."""
        return min(stamp.at for stamp in self.stamps() if stamp.epoch == epoch) / 1e9

    def ended(self, epoch: int) -> float:
        """Return the CLOCK_MONOTONIC seconds of the last effect of a term."""
        return max(stamp.at for stamp in self.stamps() if stamp.epoch == epoch) / 1e9

    def stamps(self) -> list[Stamp]:
        """Return every effect of every instance."""
        return [stamp for instance in self.instances.values() for stamp in instance.stamps()]

    def verdict(self) -> Verdict:
        """Let the referee judge everything so far."""
        writes = [Kept(**row) for row in self.ask(WRITES)]
        return judge(self.stamps(), writes, [Kept(**row) for row in self.ask(TERMS)])

    def story(self) -> str:
        """Tell how every instance stands, for a failure's text."""
        lines = [f"{i.name}: pid {i.process.pid} {i.view()} last {i.last_stamp()}" for i in self.instances.values()]
        return "\n".join(["as they stand:", *lines, *(i.output()[-1500:] for i in self.instances.values())])


def _settled(instance: Member, shown: int) -> bool:
    if not instance.alive:
        raise AssertionError(f"{instance.name} ended with {instance.process.returncode}:\n{instance.output()[-3000:]}")
    return any(state != "STARTING" for state, _, _ in instance.views()[shown:])
