"""The command line: exit codes, one line and a hint, documented fields, no secret."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.process.app.conftest import Launch
from tests.process.app.fleet import free_port

REAL = {"TELEGRAM_BOT_TOKEN": "123456:a-secret-token-of-a-bot", "KIE_API_KEY": "the-providers-secret", "ADMIN_ID": "7"}


def vigil(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supervisor", *arguments],
        env={"PATH": os.environ["PATH"], "VIGIL_HOME": str(home / "home"), **environment},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [(), ("fly",), ("migrate",), ("migrate", "sideways"), ("run", "--fast"), ("lock", "break")]
)
def test_a_wrong_command_line_ends_with_64_and_a_hint(home: Path, arguments: tuple[str, ...]) -> None:
    """One line says what is wrong, the next how to learn what is right."""
    done = vigil(home, *arguments)
    assert done.returncode == 64
    assert done.stderr.startswith("vigil: ")
    assert "Try: vigil" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_help_lists_every_command_and_the_exit_codes(home: Path) -> None:
    """Nobody has to read the source to find a verb."""
    done = vigil(home, "--help")
    assert done.returncode == 0
    for word in (
        *(
            "run",
            "status",
            "drain",
            "handover",
            "restart",
            "migrate",
            "lock",
            "config",
            "doctor",
            "smoke",
            "db",
            "sandbox",
        ),
        *("exit codes", "78"),
    ):
        assert word in done.stdout


@pytest.mark.parametrize("arguments", [("status",), ("status", "--json")])
def test_status_of_nothing_ends_with_3(home: Path, arguments: tuple[str, ...]) -> None:
    """A script can tell "down" from "degraded", and whoever reads JSON gets no other text in it."""
    done = vigil(home, *arguments, OPS_PORT=str(free_port()))
    assert done.returncode == 3
    assert done.stdout == ""
    assert "no instance answers" in done.stderr
    assert "is running" in done.stderr
    assert "Try: " in done.stderr


@pytest.mark.parametrize("says", [b'{"status": "success"}', b"[1]", b"hello"])
def test_status_of_another_program_ends_with_3(home: Path, says: bytes) -> None:
    """Something else may listen on that port, and even answer with JSON."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(says)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.handle_request, daemon=True).start()
        done = vigil(home, "status", OPS_PORT=str(other.server_port))
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_status_shows_the_documented_fields_of_a_running_instance(home: Path, launch: Launch) -> None:
    """For people and as JSON; exit code 0 while it is healthy."""
    instance = launch()
    instance.wait_role("ACTIVE")
    ports = {"OPS_PORT": str(instance.ops_port)}
    shown = vigil(home, "status", **ports)
    assert shown.returncode == 0
    assert "role       ACTIVE" in shown.stdout
    fields = json.loads(vigil(home, "status", "--json", **ports).stdout)
    assert {"status", "ready", "role", "lock_state", "epoch", "holder", "children", "inbox"} <= set(fields)
    assert (fields["role"], fields["epoch"], fields["holder"]) == ("ACTIVE", 1, fields["instance_id"])


def test_config_show_tells_sources_and_masks_secrets(home: Path) -> None:
    """What is in effect and why, fit for a support ticket."""
    given = {"DATABASE_URL": "postgresql://u:hunter2@db/x", "WEBHOOK_SECRET_PATH": "a-path-that-nobody-guesses"}
    done = vigil(home, "config", "show", PORT="8099", **given, **REAL)
    assert done.returncode == 0
    assert "environment" in done.stdout
    assert "default" in done.stdout
    for secret in ("a-secret-token", "the-providers-secret", "hunter2", "nobody-guesses"):
        assert secret not in done.stdout
    as_json = json.loads(vigil(home, "config", "show", "--json", **REAL).stdout)
    assert as_json["settings"]["PORT"] == {"value": "8080", "source": "default"}
    assert as_json["lock_seconds"]["lease"] == 10


def test_config_show_reads_the_env_file(home: Path) -> None:
    """The same file that the daemon reads, named as the source."""
    (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in {**REAL, "PORT": "8098"}.items()))
    found = json.loads(vigil(home, "config", "show", "--json").stdout)["settings"]["PORT"]
    assert found == {"value": "8098", "source": ".env"}


def test_migrate_apply_and_status_on_a_fresh_database(home: Path, empty_database_url: str) -> None:
    """Pending is exit 1, applied is 0, and applying twice does nothing the second time."""
    before = vigil(home, "migrate", "status", DATABASE_URL=empty_database_url)
    assert before.returncode == 1
    assert "pending    0001_pre_lock" in before.stdout
    first = vigil(home, "migrate", "apply", DATABASE_URL=empty_database_url)
    assert first.returncode == 0, first.stderr
    assert "applied    0004_pre_generation" in first.stdout
    assert vigil(home, "migrate", "apply", DATABASE_URL=empty_database_url).stdout == "Nothing to apply.\n"
    after = vigil(home, "migrate", "status", "--json", DATABASE_URL=empty_database_url)
    assert after.returncode == 0
    found = json.loads(after.stdout)
    assert (found["ok"], found["count"]) == (True, len(found["migrations"]))
    assert {row["state"] for row in found["migrations"]} == {"applied"}


def test_lock_show_of_a_database_without_a_lock_says_what_to_do(home: Path, empty_database_url: str) -> None:
    """No traceback: the schema is simply not there yet."""
    done = vigil(home, "lock", "show", DATABASE_URL=empty_database_url)
    assert done.returncode == 1
    assert "has no lock yet" in done.stderr
    assert "Try: vigil migrate apply" in done.stderr
    assert "Traceback" not in done.stderr


def test_lock_show_before_and_after_a_term(home: Path, launch: Launch, database_url: str) -> None:
    """Exit 1 while nobody holds the lease."""
    assert vigil(home, "lock", "show", DATABASE_URL=database_url).returncode == 1
    launch().wait_role("ACTIVE")
    shown = vigil(home, "lock", "show", DATABASE_URL=database_url)
    assert shown.returncode == 0
    assert "state      held" in shown.stdout
    assert "epoch      1" in shown.stdout


def test_an_unreachable_database_is_one_line_and_69(home: Path) -> None:
    """The host is named, the password is not."""
    url = f"postgresql://user:hunter2@127.0.0.1:{free_port()}/x"
    done = vigil(home, "migrate", "apply", DATABASE_URL=url)
    assert done.returncode == 69
    assert "127.0.0.1" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
