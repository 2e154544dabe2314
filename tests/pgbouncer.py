"""A real PgBouncer in front of a test's server: `with pooling(server, database_url, "transaction") as pooled_url:`."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from supervisor.embedded.launch import command_for, environment
from tests.process.app.fleet import free_port

Mode = Literal["transaction", "session"]
DEADLINE_SECONDS = 10.0
PROGRAM = "pgbouncer"
CONFIGURATION = """
[databases]
{name} = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
max_client_conn = 200
default_pool_size = {size}
server_round_robin = 1
ignore_startup_parameters = {ignored}
logfile = {log}
"""


@contextmanager
def pooling(
    server: Any, url: str, mode: Mode, *, ignored: tuple[str, ...] = ("extra_float_digits",), size: int = 5
) -> Iterator[str]:
    """Lend the address of the database `url` through a PgBouncer; `ignored` are start-up parameters it lets pass.

    It runs as the server's own user: root is refused by it, and nobody else may enter the server's socket.
    """
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition("@")[2].rpartition(":")
    listen, user = free_port(), server.embedded.room.user()
    program = shutil.which(PROGRAM)
    assert program is not None, "PgBouncer is not installed"
    with tempfile.TemporaryDirectory(prefix="vg-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        log, config = folder / "log", folder / "pgbouncer.ini"
        text = CONFIGURATION.format(
            name=parts.path.lstrip("/"),
            host=unquote(host),
            port=port,
            user=parts.username,
            listen=listen,
            mode=mode,
            size=size,
            ignored=",".join(ignored),
            log=log,
        )
        config.write_text(text, encoding="ascii")
        command = command_for(user, signal.SIGKILL, [program, "-q", str(config)])
        process = subprocess.Popen(command, cwd="/", env=environment())
        try:
            _wait_for(listen, process, log)
            yield f"postgresql://{parts.username}@127.0.0.1:{listen}{parts.path}"
        finally:
            process.kill()
            process.wait(DEADLINE_SECONDS)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    said = log.read_text(errors="replace") if log.exists() else ""
    raise AssertionError(f"PgBouncer did not start: {said[-2000:]}")
