"""Restarts in virtual time: who is stopped with whom, how often, and what costs no budget."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest
from anyio.abc import TaskStatus

from supervisor.child import ChildSpec, ChildState, Intensity
from supervisor.errors import ConfigError, ExitCode, Fatal, GaveUp, Stuck
from supervisor.tree import NotRestarted, Strategy, Tree, UnknownChild, open_tree
from telemetry import events, testing
from tests import virtualtime

Body = Callable[[], Awaitable[None]]


@dataclass
class Scene:
    """Children whose failures the test decides; `log` tells what ran when."""

    log: list[str] = field(default_factory=list)
    fatal: list[Fatal] = field(default_factory=list)
    crash: dict[str, anyio.Event] = field(default_factory=dict)
    broken: dict[str, Exception] = field(default_factory=dict)
    alive: set[str] = field(default_factory=set)

    def child(self, name: str, **options: Any) -> ChildSpec:
        """Make a child that fails at its start while it is broken, and later when it is told to crash."""

        async def serve(*, task_status: TaskStatus[None]) -> None:
            assert name not in self.alive, "two runs of one child"
            if name in self.broken:
                raise self.broken[name]
            self.alive.add(name)
            self.log.append(f"+{name}")
            self.crash[name] = anyio.Event()
            try:
                task_status.started()
                await self.crash[name].wait()
                self.log.append(f"!{name}")
                raise self.broken.get(name, RuntimeError("boom"))
            finally:
                self.alive.discard(name)
                self.log.append(f"-{name}")

        return ChildSpec(name, serve, **options)

    @asynccontextmanager
    async def tree(self, *specs: ChildSpec, strategy: Strategy = "rest_for_one") -> AsyncIterator[Tree]:
        async with open_tree(specs, on_fatal=self.fatal.append, strategy=strategy) as tree:
            await tree.start()
            try:
                yield tree
            finally:
                with anyio.CancelScope(shield=True):
                    await tree.stop(within=60)


@dataclass
class Database:
    """A gate that the test opens and closes; a failure is its own when it says that the database is lost."""

    away: bool = False
    back: anyio.Event = field(default_factory=anyio.Event)

    async def excuses(self, error: Exception, _began: float) -> bool:
        return self.away and isinstance(error, Exception)

    async def passed(self) -> None:
        await self.back.wait()


def three(scene: Scene, **options: Any) -> list[ChildSpec]:
    return [scene.child(name, **options) for name in ("a", "b", "c")]


def states(tree: Tree) -> list[str]:
    return [child.state.value for child in tree.children.values()]


def test_who_builds_on_a_failed_child_is_stopped_in_reverse_and_started_again_in_order() -> None:
    """They hold what it lent them: a child alone would come back under siblings that use its former self."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene)) as tree:
            scene.log.clear()
            scene.crash["a"].set()
            await anyio.sleep(1)
            assert scene.log == ["!a", "-a", "-c", "-b", "+a", "+b", "+c"]
            assert [child.restarts for child in tree.children.values()] == [1, 0, 0]
            assert states(tree) == ["ready"] * 3

    virtualtime.run(main)


def test_who_came_before_a_failed_child_goes_on() -> None:
    """Nothing it has is the failed child's."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene)):
            scene.log.clear()
            scene.crash["b"].set()
            await anyio.sleep(1)
            assert scene.log == ["!b", "-b", "-c", "+b", "+c"]

    virtualtime.run(main)


def test_one_for_one_restarts_the_one() -> None:
    """In the infrastructure nobody holds what another lent."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene), strategy="one_for_one"):
            scene.log.clear()
            scene.crash["a"].set()
            await anyio.sleep(1)
            assert scene.log == ["!a", "-a", "+a"]

    virtualtime.run(main)


def test_those_after_wait_for_readiness_through_all_retries() -> None:
    """A child that needs three tries keeps the others waiting three tries, not one."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene)) as tree:
            scene.broken["a"] = ConnectionError("refused")
            scene.crash["a"].set()
            await anyio.sleep(0.01)
            assert scene.alive == set(), "they are not left on what is gone for the length of a backoff"
            await anyio.sleep(3)
            assert states(tree) == ["backoff", "pending", "pending"]
            assert scene.alive == set()
            del scene.broken["a"]
            await anyio.sleep(10)
            assert states(tree) == ["ready"] * 3

    virtualtime.run(main)


@pytest.mark.parametrize("when", ["at the start", "once ready"])
def test_the_sixth_failure_within_a_minute_exhausts_the_budget(when: str) -> None:
    """Failures during the start count like any other, or a child that never boots would be tried for ever."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene)) as tree:
            with testing.record() as recorded:
                began = anyio.current_time()
                if when == "at the start":
                    scene.broken["b"] = ConnectionError("refused")
                while not scene.fatal:
                    assert anyio.current_time() - began < 60
                    if "b" in scene.alive:
                        scene.crash["b"].set()
                    await anyio.sleep(0.05)
            child = tree.children["b"]
            assert (child.state, child.restarts) == (ChildState.GAVE_UP, 5)
            assert [type(error) for error in scene.fatal] == [GaveUp]
            assert scene.fatal[0].exit_code is ExitCode.GAVE_UP
            assert "b failed 6 times within 60 s, last with" in str(scene.fatal[0])
            assert [event.restarts for event in recorded.all(events.ChildGaveUp)] == [5]
            await anyio.sleep(600)
            assert child.restarts == 5, "nothing is tried again"

    virtualtime.run(main)


def test_failures_that_are_far_enough_apart_never_exhaust_the_budget() -> None:
    """Five in any minute are tolerated for ever; what slid out of the window is forgotten."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene)) as tree:
            for _ in range(40):
                await anyio.sleep(61)
                scene.crash["a"].set()
            await anyio.sleep(61)
            assert (tree.children["a"].restarts, scene.fatal) == (40, [])
            assert tree.children["a"].failures == 1, "each run was a healthy one, so the backoff began anew"

    virtualtime.run(main)


def test_an_optional_child_that_gives_up_is_tried_again_every_five_minutes_and_nobody_waits_for_it() -> None:
    """Payments that are down must not stop the generations, nor be forgotten."""

    async def main() -> None:
        scene = Scene()
        scene.broken["b"] = ConnectionError("refused")
        specs = three(scene)
        specs[1] = replace(specs[1], essential=False)
        with testing.record() as recorded:
            async with scene.tree(*specs) as tree:
                assert states(tree) == ["ready", "backoff", "ready"]
                await anyio.sleep(60)
                assert states(tree) == ["ready", "gave_up", "ready"]
                assert tree.children["b"].restarts == 6, "five at once, and one that is to come"
                await anyio.sleep(900)
                assert tree.children["b"].restarts == 9, "once every five minutes, not five at once again"
                del scene.broken["b"]
                await anyio.sleep(300)
                assert states(tree) == ["ready"] * 3
                assert scene.log == ["+a", "+c", "+b"], "and nobody was stopped for it"
        assert scene.fatal == []
        assert len(recorded.all(events.ChildGaveUp)) == 1

    virtualtime.run(main)


def test_nobody_waits_for_an_optional_child_that_takes_long_to_start() -> None:
    """A post migration of a minute must not keep the bot from its work."""

    async def main() -> None:
        scene = Scene()

        async def slow(*, task_status: TaskStatus[None]) -> None:
            await anyio.sleep(60)
            task_status.started()
            await anyio.sleep_forever()

        specs = [ChildSpec("slow", slow, start_timeout=3600, essential=False), scene.child("a"), scene.child("b")]
        async with open_tree(specs, on_fatal=scene.fatal.append, strategy="rest_for_one") as tree:
            began = anyio.current_time()
            with anyio.move_on_after(1):
                await tree.start()
            assert states(tree) == ["starting", "ready", "ready"]
            await anyio.sleep_until(began + 61)
            assert states(tree) == ["ready"] * 3
            await tree.stop(within=5)

    virtualtime.run(main)


def test_fatal_is_never_retried_in_a_tree_of_dependents() -> None:
    """The owner is told, and ends the others in order."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene)) as tree:
            scene.broken["a"] = ConfigError("wrong token")
            scene.crash["a"].set()
            await anyio.sleep(600)
            assert states(tree) == ["fatal", "ready", "ready"]
            assert [str(error) for error in scene.fatal] == ["wrong token"]

    virtualtime.run(main)


def test_a_fatal_is_found_behind_another_error_of_its_group() -> None:
    """What failed first need not be what tells that starting again is useless."""

    async def main() -> None:
        scene = Scene()
        scene.broken["a"] = ExceptionGroup("both", [OSError("reset"), ConfigError("wrong token")])
        async with scene.tree(scene.child("a")):
            assert [str(error) for error in scene.fatal] == ["wrong token"]

    virtualtime.run(main)


def test_a_tree_that_was_stopped_before_it_was_started_starts_nothing() -> None:
    """A term may be lost between the building of its workload and the first step of it."""

    async def main() -> None:
        scene = Scene()
        async with open_tree(three(scene), on_fatal=scene.fatal.append) as tree:
            assert await tree.stop(within=1) == []
            await tree.start()
        assert scene.log == []

    virtualtime.run(main)


def test_an_outage_costs_no_budget_no_backoff_and_no_restart() -> None:
    """However long the database is away and however often children fail of it, they come back at once, all of them."""

    async def main() -> None:
        scene, database = Scene(), Database()
        async with scene.tree(*three(scene, gate=database)) as tree:
            for _ in range(20):
                database.away, database.back = True, anyio.Event()
                scene.crash["b"].set()
                scene.crash["a"].set()
                await anyio.sleep(5)
                assert states(tree)[0] == "waiting"
                assert scene.alive == set()
                database.away = False
                database.back.set()
                await anyio.sleep(0.001)
                assert states(tree) == ["ready"] * 3
            assert [(c.restarts, c.failures, c.failed_at) for c in tree.children.values()] == [(0, 0, ())] * 3
        assert scene.fatal == []

    virtualtime.run(main)


def test_a_child_that_fails_although_the_database_answers_is_charged_with_it() -> None:
    """Else a fault of ours that looks like a lost database would go round for ever."""

    async def main() -> None:
        scene, database = Scene(), Database()
        async with scene.tree(*three(scene, gate=database)):
            scene.broken["b"] = ConnectionError("refused")
            scene.crash["b"].set()
            await anyio.sleep(60)
            assert [type(error) for error in scene.fatal] == [GaveUp]

    virtualtime.run(main)


def test_an_operator_restarts_a_child_and_those_after_it_without_charging_anyone() -> None:
    """Asked six times in a second it is restarted six times, in order, and the answer comes when it is ready."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene)) as tree:
            for _ in range(6):
                scene.log.clear()
                await tree.restart("b")
                assert tree.children["b"].state is ChildState.READY
                await anyio.sleep(0.01)
                assert scene.log == ["-c", "-b", "+b", "+c"]
            assert (tree.children["b"].restarts, tree.children["b"].failed_at, scene.fatal) == (6, (), [])

    with testing.record() as recorded:
        virtualtime.run(main)
    assert {(event.child, event.reason) for event in recorded.all(events.ChildBackoff)} == {("b", "requested")}


def test_a_restart_ends_a_backoff_at_once() -> None:
    """Whoever has mended the cause need not wait half a minute."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene, intensity=Intensity(restarts=99))) as tree:
            scene.broken["b"] = ConnectionError("refused")
            scene.crash["b"].set()
            await anyio.sleep(50)
            assert states(tree) == ["ready", "backoff", "pending"]
            del scene.broken["b"]
            began = anyio.current_time()
            await tree.restart("b")
            await anyio.sleep(0.01)
            assert anyio.current_time() - began < 0.1
            assert states(tree) == ["ready"] * 3

    virtualtime.run(main)


def test_a_restart_answers_with_the_error_when_the_child_fails_again() -> None:
    """An operator who is told "ready" goes home."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(*three(scene)) as tree:
            scene.broken["b"] = ConnectionError("refused")
            with pytest.raises(NotRestarted, match="is backoff: ConnectionError: refused"):
                await tree.restart("b")

    virtualtime.run(main)


def test_a_restart_goes_through_although_who_asked_has_gone() -> None:
    """A verb's deadline that passes while those after it end must not leave them waiting for ever."""

    async def main() -> None:
        scene = Scene()

        async def slow(*, task_status: TaskStatus[None]) -> None:
            task_status.started()
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(3)

        async with scene.tree(scene.child("a"), scene.child("b"), ChildSpec("c", slow)) as tree:
            with anyio.move_on_after(1) as asked:
                await tree.restart("a")
            assert asked.cancelled_caught
            await anyio.sleep(0.01)
            assert states(tree) == ["ready"] * 3
            assert scene.log == ["+a", "+b", "-b", "-a", "+a", "+b"]

    virtualtime.run(main)


def test_no_secret_is_kept_in_the_last_error() -> None:
    """It is shown by the status, on the page, and on standard error at the end."""

    async def main() -> None:
        scene = Scene()
        async with scene.tree(scene.child("a"), scene.child("b")) as tree:
            scene.broken["b"] = ValueError("postgresql://vigil:hunter22@db/vigil is no address")
            with pytest.raises(NotRestarted) as shown:
                await tree.restart("b")
            for text in (str(tree.children["b"].last_error), str(shown.value)):
                assert "is no address" in text
                assert "hunter22" not in text

    virtualtime.run(main)


def test_what_cannot_be_restarted_says_why() -> None:
    """A name nobody has, a child that must not be, a tree that has ended."""

    async def main() -> None:
        scene = Scene()
        specs = [scene.child("keeper", pinned="vigil handover"), scene.child("b")]
        async with scene.tree(*specs) as tree:
            with pytest.raises(UnknownChild, match="no child d") as unknown:
                await tree.restart("d")
            assert isinstance(unknown.value, LookupError)
            assert unknown.value.hint == "one of: keeper, b"
            with pytest.raises(NotRestarted) as pinned:
                await tree.restart("keeper")
            assert pinned.value.hint == "vigil handover"
            assert scene.log == ["+keeper", "+b"]
            await tree.stop(within=1)
            with pytest.raises(NotRestarted, match="b is stopped"):
                await tree.restart("b")

    virtualtime.run(main)


@pytest.mark.parametrize("why", ["a failure", "a request"])
def test_one_that_does_not_end_is_named_and_never_started_beside_itself(why: str) -> None:
    """Two runs of a child are worse than the end of the process: the owner is told, with 71."""

    async def main() -> None:
        scene, let_go = Scene(), anyio.Event()
        runs = 0

        async def stubborn(*, task_status: TaskStatus[None]) -> None:
            nonlocal runs
            runs += 1
            task_status.started()
            with anyio.CancelScope(shield=True):
                await let_go.wait()

        async with scene.tree(scene.child("a"), ChildSpec("b", stubborn)) as tree:
            with testing.record() as recorded:
                if why == "a failure":
                    scene.crash["a"].set()
                    await anyio.sleep(60)
                else:
                    with pytest.raises(Stuck):
                        await tree.restart("b")
            assert [event.child for event in recorded.all(events.ChildUnstopped)] == ["b"]
            assert [(type(error), error.exit_code) for error in scene.fatal] == [(Stuck, ExitCode.UNSTOPPED)]
            assert tree.children["b"].state is ChildState.UNSTOPPED
            assert await tree.stop(within=1) == ["b"]
            let_go.set()
        assert runs == 1

    virtualtime.run(main)


def test_an_error_on_the_way_out_is_no_failure() -> None:
    """A child that is asked to end and stumbles has ended; it is told, and charged to nobody."""

    async def main() -> None:
        scene = Scene()

        async def clumsy(*, task_status: TaskStatus[None]) -> None:
            task_status.started()
            try:
                await anyio.sleep_forever()
            finally:
                raise OSError("the socket is gone")

        with testing.record() as recorded:
            async with scene.tree(scene.child("a"), ChildSpec("b", clumsy)) as tree:
                scene.crash["a"].set()
                await anyio.sleep(1)
                assert states(tree) == ["ready", "ready"]
                assert tree.children["b"].failed_at == ()
                assert await tree.stop(within=1) == []
        assert [event.child for event in recorded.all(events.ChildFailed)] == ["a", "b", "b"]
        assert [event.child for event in recorded.all(events.ChildBackoff)] == ["a"]

    virtualtime.run(main)


def test_a_timeout_of_the_childs_own_is_not_taken_for_a_late_start() -> None:
    """What it waited for is the news, and it may be a database that is away."""

    async def main() -> None:
        async def waiting(*, task_status: TaskStatus[None]) -> None:
            raise TimeoutError("the database does not answer")

        async with open_tree([ChildSpec("a", waiting)], on_fatal=lambda _: None) as tree:
            with anyio.move_on_after(0.1):
                await tree.start()
            assert tree.children["a"].last_error == "TimeoutError: the database does not answer"
            await tree.stop(within=1)

    virtualtime.run(main)
