"""The embedded server seen from outside: other programs, other users, other connections."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import supervisor
from supervisor.embedded import DURABLE
from supervisor.home import blocked_at

SERVE = (
    "import anyio, sys; from pathlib import Path; from supervisor.embedded import serve_alone; "
    "anyio.run(serve_alone, Path(sys.argv[1]))"
)
DEADLINE = 20.0


class Outside:
    """What a test does to the server that the server's own objects cannot."""

    def until(self, question: Callable[[], Any], seconds: float = DEADLINE) -> Any:
        """Ask again until the answer is true, and return it."""
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)
        return answer

    def alive(self, pid: int) -> bool:
        """Whether a process still runs; one that only waits to be reaped does not."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def postmaster_pid(self, home: Path) -> int:
        """Who serves the home, by its own account."""
        return int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])

    def ask(self, url: str, *statements: str) -> Any:
        """Run statements one by one on a connection of their own; return the last one's value."""

        async def run() -> Any:
            connection = await asyncpg.connect(url, timeout=10, command_timeout=10)
            try:
                for statement in statements[:-1]:
                    await connection.execute(statement)
                return await connection.fetchval(statements[-1])
            finally:
                await connection.close(timeout=5)

        return asyncio.run(run())

    def program_as(self, uid: int, home: Path) -> tuple[list[str], dict[str, Any]]:
        """Return the command that serves `home`, and the options that run it as another user.

        Our own interpreter may be closed to that user; the system's, of the same version, does as well.
        """
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for interpreter in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
            if Path(interpreter).exists() and blocked_at(Path(interpreter)) is None:
                break
        else:
            # Nothing we may change: opening folders to others is what the launcher itself must never do.
            pytest.skip(f"no {name} that another user can run")
        packages = [str(Path(module.__file__).parents[1]) for module in (asyncpg, supervisor) if module.__file__]
        if any(blocked_at(Path(package) / "x") for package in packages):
            # As above: a clone below a closed folder has no files that another user could run.
            pytest.skip("the environment is closed to other users")
        environment = {"PYTHONPATH": os.pathsep.join(packages), "PATH": os.environ["PATH"]}
        options = {"user": uid, "group": uid, "extra_groups": [], "env": environment, "cwd": "/"}
        return [interpreter, "-c", SERVE, str(home)], options

    def refused_as(self, uid: int, home: Path) -> str:
        """Serve `home` as another user and return what the failure says."""
        command, options = self.program_as(uid, home)
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, **options)
        assert done.returncode != 0
        return str(done.stderr)

    @contextmanager
    def alone(self, home: Path, uid: int | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """Run the server in a program of its own, as `vigil db serve` does; lend it and the printed address."""
        command, options = ([sys.executable, "-c", SERVE, str(home)], {}) if uid is None else self.program_as(uid, home)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
        ) as program:
            try:
                assert program.stdout is not None
                line = program.stdout.readline().strip()
                assert line.startswith("DATABASE_URL="), program.communicate(timeout=DEADLINE)[1]
                server = self.postmaster_pid(home)
                yield program, line.removeprefix("DATABASE_URL=")
                program.kill()
                self.until(lambda: not self.alive(server))
            finally:
                program.kill()

    def modes(self, *folders: Path) -> dict[Path, tuple[int, int, int]]:
        """Who owns each folder and everything above it, and who may do what."""
        every = {path for folder in folders for path in (folder, *folder.resolve().parents)}
        found = {path: path.stat() for path in every}
        return {path: (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) for path, status in found.items()}


@pytest.fixture(scope="session")
def outside() -> Outside:
    """Everything that happens outside of the server."""
    return Outside()


@pytest.fixture(scope="module")
def used(server_at: Callable[..., Any], lend_folder: Callable[[], AbstractContextManager[Path]]) -> Iterator[Any]:
    """A server that ran before and does not run now; whoever changes its home puts it right again."""
    with lend_folder() as home:
        server = server_at(home, DURABLE)
        with server.running():
            pass
        yield server


@pytest.fixture
def data(used: Any) -> Path:
    """The data folder of `used`."""
    return Path(used.embedded.room.data)
