"""The control socket: who may connect, what it answers, and what it leaves behind."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from supervisor import control
from supervisor.control import Control, RunFolder, server
from supervisor.control.client import Closed, NotRunning, Refused
from supervisor.control.folder import file_stem
from supervisor.errors import ExitCode, SupervisorError, UsageError
from telemetry import testing
from tests.integration.children import running

ID = "one-0a1b2c3d"
Request = Mapping[str, Any]


async def echo(request: Request) -> Any:
    return {"heard": dict(request)}


async def refuse(_request: Request) -> Any:
    raise SupervisorError("Doing it: found a stone.", hint="remove the stone")


async def fail(_request: Request) -> Any:
    raise ZeroDivisionError


async def never(_request: Request) -> Any:
    await anyio.sleep_forever()


VERBS = {"echo": echo, "refuse": refuse, "fail": fail, "never": never}


def child(home: Path, instance_id: str = ID) -> Control:
    return Control(RunFolder(home), instance_id, VERBS)


def path_of(home: Path, instance_id: str = ID) -> Path:
    return home / "run" / f"{file_stem(instance_id)}.sock"


def talk(home: Path, data: bytes) -> bytes:
    """Send bytes as any program may, and return everything that comes back."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(20)
        raw.connect(str(path_of(home)))
        with suppress(BrokenPipeError, ConnectionResetError):
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):
            while chunk := raw.recv(65536):
                answer += chunk
        return answer


async def answers(home: Path, *lines: bytes) -> list[dict[str, Any]]:
    said = await anyio.to_thread.run_sync(talk, home, b"".join(line + b"\n" for line in lines))
    return [json.loads(line) for line in said.splitlines()]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


async def test_a_line_is_answered_with_a_line(home: Path) -> None:
    """Several requests on one connection, each with its own answer."""
    async with running(child(home).serve):
        found = await answers(home, b'{"verb": "echo", "child": "x"}', b'{"verb": "echo"}')
    assert found == [
        {"ok": True, "result": {"heard": {"verb": "echo", "child": "x"}}},
        {"ok": True, "result": {"heard": {"verb": "echo"}}},
    ]


async def test_a_refusal_carries_its_hint_and_exit_code(home: Path) -> None:
    """The command line prints both and ends with the code."""
    async with running(child(home).serve):
        instance = await control.choose(home, None)
        with pytest.raises(Refused, match="found a stone") as refused:
            await instance.ask("refuse")
        assert (refused.value.hint, refused.value.exit_code) == ("remove the stone", ExitCode.FAILED)
        with pytest.raises(Refused) as unknown:
            await instance.ask("fly")
        assert unknown.value.exit_code is ExitCode.USAGE
        assert "echo" in str(unknown.value)


@pytest.mark.parametrize(
    "line", [b"", b"hello", b"[]", b"{}", b'{"verb": 7}', b'{"verb": {}}', b"\xff\xfe", b"[" * 60_000]
)
async def test_nonsense_is_answered_and_costs_nothing(home: Path, line: bytes) -> None:
    """Whatever is sent, the next request is answered."""
    async with running(child(home).serve):
        first, second = await answers(home, line, b'{"verb": "echo"}')
    assert (first["ok"], first["exit_code"]) == (False, ExitCode.USAGE)
    assert second["ok"] is True


async def test_a_verb_that_fails_unforeseen_costs_no_restart(home: Path) -> None:
    """The answer names the kind of the failure only; the log has the stack."""
    with testing.record() as recorder:
        async with running(child(home).serve):
            (found,) = await answers(home, b'{"verb": "fail"}')
            assert (await answers(home, b'{"verb": "echo"}'))[0]["ok"] is True
    assert found["ok"] is False
    assert "ZeroDivisionError" in found["error"]
    assert recorder.names() == ["control.failed"]


async def test_a_line_without_end_is_cut_off(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance never reads more than 64 KiB for one request, however long it would wait for the rest."""
    monkeypatch.setattr(server, "LINE_SECONDS", 600.0)

    def pour() -> bytes:
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(5)
            raw.connect(str(path_of(home)))
            with suppress(BrokenPipeError, ConnectionResetError):
                raw.sendall(b"x" * 200_000)
                return raw.recv(10)
            return b""

    async with running(child(home).serve):
        assert await anyio.to_thread.run_sync(pour) == b""
        assert (await answers(home, b'{"verb": "echo"}'))[0]["ok"] is True


async def test_silent_clients_and_slow_verbs_are_ended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight clients that say nothing hold up the ninth for no longer than a line may take."""
    monkeypatch.setattr(server, "LINE_SECONDS", 0.3)
    monkeypatch.setattr(server, "VERB_SECONDS", 0.1)
    async with running(child(home).serve):
        silent = [socket.socket(socket.AF_UNIX) for _ in range(server.CLIENTS)]
        try:
            for one in silent:
                one.connect(str(path_of(home)))
            (found,) = await answers(home, b'{"verb": "never"}')
            assert found["ok"] is False
            assert "within 0.1 s" in found["error"]
            for one in silent:
                one.settimeout(10)
                assert await anyio.to_thread.run_sync(one.recv, 10) == b""
        finally:
            for one in silent:
                one.close()


async def test_the_socket_is_the_owners_alone_whatever_the_umask_says(home: Path) -> None:
    """Folder 0700, socket 0600; and the umask, which all threads share, is left as it is."""
    before = os.umask(0)
    try:
        async with running(child(home).serve):
            assert mode(home / "run") == 0o700
            assert mode(path_of(home)) == 0o600
            assert os.umask(0) == 0
    finally:
        os.umask(before)


def test_the_socket_is_closed_to_others_from_its_first_instant(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between bind and listen nobody can open it either."""
    seen: list[int] = []
    listen = socket.socket.listen

    def looking(made: socket.socket, backlog: int) -> None:
        seen.append(mode(path_of(home)))
        listen(made, backlog)

    before = os.umask(0)
    monkeypatch.setattr(socket.socket, "listen", looking)
    try:
        RunFolder(home).listen(ID).close()
    finally:
        os.umask(before)
    assert seen == [0o600]


async def test_a_folder_that_is_open_to_others_is_closed(home: Path) -> None:
    """Whoever made it, and with whatever mode."""
    (home / "run").mkdir(mode=0o777)
    (home / "run").chmod(0o777)
    async with running(child(home).serve):
        assert mode(home / "run") == 0o700


async def test_the_own_socket_is_removed_at_the_end(home: Path) -> None:
    """And nobody is found any more."""
    async with running(child(home).serve):
        assert [instance.name for instance in await control.running(home)] == [ID]
    assert list((home / "run").iterdir()) == []
    with pytest.raises(NotRunning):
        await control.choose(home, None)


async def test_sockets_of_the_dead_are_removed_and_those_of_the_living_are_not(home: Path) -> None:
    """Kill -9 leaves a socket behind; the next start takes it away, and touches no neighbour."""
    folder = RunFolder(home)
    folder.listen("dead-00000000").close()
    hanging = folder.listen("hangs-00000000")
    try:
        async with running(child(home).serve):
            names = sorted(path.name for path in (home / "run").iterdir())
            assert names == ["hangs-00000000.sock", f"{ID}.sock"]
    finally:
        hanging.close()


def test_a_start_takes_no_other_start_for_a_dead_instance(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that is bound and does not listen yet refuses connections exactly as a dead one does."""
    made: list[socket.socket] = []
    listen = socket.socket.listen
    second = threading.Thread(target=lambda: made.append(RunFolder(home).listen("two-00000002")))

    def interrupted(bound: socket.socket, backlog: int) -> None:
        if not second.ident:
            second.start()
            # Without the lock it would be over by then, and the first one's socket gone.
            second.join(0.5)
        listen(bound, backlog)

    monkeypatch.setattr(socket.socket, "listen", interrupted)
    made.append(RunFolder(home).listen("one-00000001"))
    second.join()
    try:
        assert sorted(path.stem for path in (home / "run").iterdir()) == ["one-00000001", "two-00000002"]
    finally:
        for one in made:
            one.close()


async def test_a_home_deeper_than_a_sockets_address_is_long_works(home: Path) -> None:
    """The kernel takes 107 bytes; people have longer paths, and longer host names."""
    deep = home.joinpath(*["a-folder-with-a-long-name"] * 8)
    deep.mkdir(parents=True)
    name = f"{'host' * 24}-0a1b2c3d"
    async with running(child(deep, name).serve):
        instance = await control.choose(deep, name)
        assert (await instance.ask("echo"))["heard"] == {"verb": "echo"}
        assert await instance.pid() == os.getpid()
    assert list((deep / "run").iterdir()) == []


async def test_an_instance_is_chosen_by_id_or_by_name(home: Path) -> None:
    """With several, the command says which there are; a slash in a name makes no folder."""
    async with running(*(child(home, name).serve for name in ("a/b-00000001", "two-00000002", "two-00000003"))):
        assert (await control.choose(home, "a/b")).name == "a_b-00000001"
        assert (await control.choose(home, "two-00000003")).name == "two-00000003"
        with pytest.raises(UsageError, match="a_b-00000001, two-00000002, two-00000003"):
            await control.choose(home, None)
        with pytest.raises(UsageError, match="Several"):
            await control.choose(home, "two")
        with pytest.raises(UsageError, match="No running instance is called three"):
            await control.choose(home, "three")


async def test_a_home_without_room_for_a_socket_costs_the_socket_only(home: Path) -> None:
    """The instance works; the log says that commands cannot reach it."""
    (home / "run").write_text("a file is in the way")
    with testing.record() as recorder:
        async with running(child(home).serve):
            assert recorder.names() == ["control.unavailable"]


async def test_a_folder_that_cannot_be_read_is_told_apart_from_an_empty_one(home: Path) -> None:
    """Whoever runs there belongs to another user: status asks by HTTP then, a handover through the database."""
    (home / "run").write_text("root reads every folder, so a file stands for a closed one")
    with pytest.raises(Closed, match="run"):
        await control.running(home)


async def test_an_instance_that_ends_while_it_is_asked_is_told(home: Path) -> None:
    """No traceback, and the exit code of "not running"."""
    listening = RunFolder(home).listen(ID)
    listening.setblocking(True)

    def hang_up() -> None:
        accepted, _ = listening.accept()
        accepted.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    try:
        with pytest.raises(NotRunning):
            await control.Instance(home, ID).ask("echo")
    finally:
        thread.join()
        listening.close()


async def test_an_instance_that_does_not_answer_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It still counts as running: it listens."""
    monkeypatch.setattr("supervisor.control.client.ASK_SECONDS", 0.1)
    listening = RunFolder(home).listen(ID)
    try:
        with pytest.raises(SupervisorError, match="does not answer"):
            await (await control.choose(home, None)).ask("echo")
    finally:
        listening.close()
