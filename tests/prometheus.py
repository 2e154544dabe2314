"""A real Prometheus and a real Alertmanager on the loopback, as processes of a test."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.process.app.fleet import free_port, until


def get(url: str, **parameters: object) -> Any:
    """Return the JSON, or the text, behind an address; None while nobody answers."""
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    try:
        with urllib.request.urlopen(f"{url}{query}", timeout=10) as answer:  # noqa: S310 - http on the loopback
            text = answer.read().decode()
    except (OSError, urllib.error.URLError):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


class Prometheus:
    """A Prometheus to be asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def query(self, expr: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        when = {} if at is None else {"time": at}
        answer = get(f"{self.url}/api/v1/query", query=expr, **when)
        return _result(expr, answer)

    def query_range(self, expr: str, start: float, end: float, step: int) -> list[dict[str, Any]]:
        """Return the result of a range query."""
        answer = get(f"{self.url}/api/v1/query_range", query=expr, start=start, end=end, step=step)
        return _result(expr, answer)

    def value(self, expr: str) -> float | None:
        """Return the one number that an expression has now, if it has one."""
        found = self.query(expr)
        return float(found[0]["value"][1]) if found else None

    def evaluations(self) -> float:
        """Return how often the alerts have been evaluated, by its own count."""
        text = get(f"{self.url}/metrics") or ""
        counts = [line for line in text.splitlines() if line.startswith("prometheus_rule_group_iterations_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in counts)


def _result(expr: str, answer: Any) -> list[dict[str, Any]]:
    assert isinstance(answer, dict) and answer["status"] == "success", f"{expr}: {answer}"  # noqa: PT018 - one answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


@contextmanager
def running(command: list[str], log: Path, ready: Callable[[], object]) -> Iterator[None]:
    """Run a server while the block runs."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or ready(), f"{command[0]} is ready")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@contextmanager
def prometheus(folder: Path, config: Path, *more: str) -> Iterator[Prometheus]:
    """Run a Prometheus on the data in `folder`; nothing that it was given is too old for it."""
    port = free_port()
    found = Prometheus(port)
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        *more,
    ]
    with running(command, folder.with_name("prometheus.log"), lambda: get(f"{found.url}/-/ready")):
        yield found


@contextmanager
def alertmanager(folder: Path, config: Path) -> Iterator[int]:
    """Run an Alertmanager without peers; return its port."""
    port = free_port()
    command = [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    with running(command, folder.with_name("alertmanager.log"), lambda: get(f"http://127.0.0.1:{port}/-/ready")):
        yield port


class Receiver:
    """Who is paged: keeps every notification that Alertmanager delivers, with the time of its arrival."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.notifications: list[tuple[float, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.notifications.append((clock(), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        """Take notifications while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)

    def first(self, alert: str) -> tuple[float, dict[str, Any]] | None:
        """Return when the first notification of this alert came, and the alert."""
        for at, body in self.notifications:
            for found in body["alerts"]:
                if found["labels"]["alertname"] == alert and found["status"] == "firing":
                    return at, found
        return None

    def alerts(self) -> list[str]:
        """Return the names of all alerts that were delivered."""
        return [found["labels"]["alertname"] for _, body in self.notifications for found in body["alerts"]]
