"""What an operator types at running instances: status, restart, drain, handover, and the lock's own verbs."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.process.app.conftest import Launch
from tests.process.app.fleet import Instance, free_port, until
from tests.process.app.test_cli import REAL, vigil


def asked(home: Path, *arguments: str, code: int = 0, given: Mapping[str, str] | None = None) -> str:
    """Return what a command prints, once it has ended with this code."""
    done = vigil(home, *arguments, **{"OPS_PORT": str(free_port()), **(given or {})})
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def told(home: Path, *arguments: str, given: Mapping[str, str] | None = None) -> Any:
    return json.loads(asked(home, *arguments, "--json", given=given))


def children(instance: Instance) -> dict[str, dict[str, Any]]:
    status = instance.status()
    assert status is not None
    return {child["name"]: child for child in status["children"]}


def sockets(home: Path) -> list[Path]:
    return sorted((home / "home" / "run").glob("*.sock"))


def test_reading_commands_find_a_running_instance_by_its_home_and_change_nothing(home: Path, launch: Launch) -> None:
    """Through its socket, which is its owner's alone: nobody has to know the ports it runs on."""
    assert "3 settings are missing" in asked(home, "config", "show", code=78)
    instance = launch()
    instance.wait_role("ACTIVE")
    found = told(home, "status")
    assert (found["role"], found["mode"], found["epoch"]) == ("ACTIVE", "sandbox", 1)
    (socket,) = sockets(home)
    assert socket.stem == found["instance_id"]
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert "role       ACTIVE" in asked(home, "status", "--instance", "one")
    assert "there are one-" in asked(home, "status", "--instance", "two", code=64)
    assert "child:outbox" in asked(home, "tasks")
    shown = told(home, "config", "show")
    assert shown["mode"] == "sandbox"
    assert shown["settings"]["TELEGRAM_BOT_TOKEN"] == {"value": "********", "source": "sandbox"}
    own = {"TELEGRAM_BOT_TOKEN": "123456:abcDEF", "KIE_API_KEY": "k" * 20, "ADMIN_ID": "7"}
    assert told(home, "config", "show", given=own)["mode"] != "sandbox", "who gives a token asks about that bot"
    ports = {name: instance.environment[name] for name in ("DATABASE_URL", "SANDBOX_PORT", "PORT")}
    for verb in ("doctor", "smoke"):
        examined = told(home, verb, given=ports)
        assert (examined["ok"], examined["counts"]["failed"]) == (True, 0)
    after = instance.status()
    assert after is not None
    assert (after["role"], after["epoch"]) == ("ACTIVE", 1)
    assert all(child["restarts"] == 0 for child in after["children"])


def test_watch_shows_one_line_of_json_a_look(home: Path, launch: Launch) -> None:
    """A program that follows it can tell the looks apart."""
    launch()
    until(lambda: sockets(home), "a socket")
    watching = subprocess.Popen(
        [sys.executable, "-m", "supervisor", "status", "--watch", "--json"],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "VIGIL_HOME": str(home / "home")},
        cwd=home,
    )
    with watching:
        assert watching.stdout is not None
        assert {json.loads(watching.stdout.readline())["mode"] for _ in range(2)} == {"sandbox"}
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130


def test_a_task_is_restarted_and_ready_when_the_command_returns(home: Path, launch: Launch) -> None:
    """A task of the workload and one of the infrastructure; who must not be restarted says why, and nothing happens."""
    instance = launch()
    instance.wait_role("ACTIVE")
    for name in ("outbox", "totals"):
        assert asked(home, "restart", name) == f"{name} was restarted, and is ready.\n"
        assert children(instance)[name]["restarts"] == 1
    assert "one of: http" in asked(home, "restart", "nothing", code=64)
    assert "Try: " in asked(home, "restart", "control", code=1)
    assert children(instance)["control"]["restarts"] == 0


def test_a_killed_instance_is_not_asked_and_a_drained_one_is_gone(home: Path, launch: Launch) -> None:
    """What kill -9 left behind the next start removes; a drain ends as SIGTERM does, and returns when it has."""
    killed = launch("killed")
    until(lambda: sockets(home), "a socket")
    killed.kill()
    (left,) = sockets(home)
    asked(home, "status", code=3)
    instance = launch("next", LOCK_PROFIL="fast")
    instance.wait_role("ACTIVE")
    assert "did you mean LOCK_PROFILE?" in instance.output()
    assert [path for path in sockets(home) if path == left] == []
    shown = asked(home, "drain")
    # Gone: its exit code is there without any waiting.
    assert instance.process.poll() == 0
    assert "It has ended" in shown
    assert sockets(home) == []
    assert '"verb":"drain"' in instance.output().replace(" ", "")
    asked(home, "drain", code=3)


def test_with_several_instances_a_command_asks_which(home: Path, launch: Launch) -> None:
    """And lists them: to stop the wrong one would be worse than none."""
    one, two = launch("one"), launch("two")
    until(
        lambda: len(sockets(home)) == 2, lambda: f"both have a socket:\n{one.output()[-3000:]}\n{two.output()[-3000:]}"
    )
    refused = asked(home, "drain", code=64)
    for part in ("one-", "two-", "--instance"):
        assert part in refused
    assert told(home, "drain", "--no-wait", "--instance", "two")["gone"] is None
    assert two.wait() == 0
    assert one.process.poll() is None


def test_handover_through_the_local_instance_moves_leadership(home: Path, launch: Launch) -> None:
    """Whichever of the two is asked; the command returns when the other one leads."""
    one = launch("one")
    one.wait_role("ACTIVE")
    assert "nobody stands by" in asked(home, "handover", code=1)
    forced = told(home, "handover", "--force")
    assert forced["before"]["holder"] == forced["after"]["holder"]
    assert forced["after"]["epoch"] == 2
    two = launch("two")
    two.wait_role("PASSIVE")
    found = told(home, "handover", "--instance", "one")
    assert found["before"]["holder"].startswith("one-")
    assert found["after"]["holder"].startswith("two-")
    assert (found["before"]["epoch"], found["after"]["epoch"]) == (2, 3)
    two.wait_role("ACTIVE")
    one.wait_role("PASSIVE")
    shown = asked(home, "handover", "--instance", "one")
    assert shown.startswith("two-")
    assert "(epoch 3) → one-" in shown
    one.wait_role("ACTIVE")


def test_handover_through_the_database_reaches_instances_elsewhere(
    home: Path, launch: Launch, database_url: str
) -> None:
    """No instance of this home runs; those of another one share the database."""
    one = launch("one")
    one.wait_role("ACTIVE")
    elsewhere = {"VIGIL_HOME": str(home / "elsewhere"), "DATABASE_URL": database_url}
    assert "nobody stands by" in asked(home, "handover", code=1, given=elsewhere)
    launch("two").wait_role("PASSIVE")
    found = told(home, "handover", given=elsewhere)
    assert found["after"]["holder"].startswith("two-")
    kinds = [event["kind"] for event in told(home, "lock", "history", "--limit", "2", given=elsewhere)]
    assert kinds == ["handover", "release"], "planned: nobody is paged"


def test_break_ends_exactly_the_term_that_was_seen(home: Path, launch: Launch, database_url: str) -> None:
    """An epoch that is over, or not yet there, is refused with the current one; what is broken is over at once."""
    url = {"DATABASE_URL": database_url}
    assert "no instance has ever led" in asked(home, "lock", "break", "--epoch", "1", code=1, given=url)
    instance = launch()
    instance.wait_role("ACTIVE")
    for epoch in ("2", "77"):
        assert "current epoch is 1" in asked(home, "lock", "break", "--epoch", epoch, code=1, given=url)
    assert [event["kind"] for event in told(home, "lock", "history", given=url)] == ["first"], (
        "a refusal leaves no trace"
    )
    assert "Epoch 1 of one-" in asked(home, "lock", "break", "--epoch", "1", given=url)
    until(lambda: (instance.status() or {}).get("epoch") == 2, "the next term")
    assert "current epoch is 2" in asked(home, "lock", "break", "--epoch", "1", code=1, given=url)
    (lease,) = told(home, "lock", "show", given=url)
    assert (lease["state"], lease["epoch"], lease["beacon"]) == ("held", 2, "held")
    history = told(home, "lock", "history", given=url)
    assert set(history[0]) == {"at", "epoch", "timeline", "kind", "reason", "instance_id"}
    assert [event["kind"] for event in history if event["epoch"] == 1][-2:] == ["break", "first"]


def test_config_check_tells_only_whether_the_settings_are_right(home: Path) -> None:
    """0 or 78; misspelt names are warnings, on standard error."""
    done = vigil(home, "config", "check", LOCK_PROFIL="fast", **REAL)
    assert done.returncode == 0
    assert done.stdout.startswith("The settings are right.")
    assert "did you mean LOCK_PROFILE?" in done.stderr
    wrong = vigil(home, "config", "check", "--json", PORT="eighty", LOCK_HEARTBEAT_INTERVAL="60", **REAL)
    assert wrong.returncode == 78
    assert {problem["variable"] for problem in json.loads(wrong.stdout)["problems"]} == {"PORT"}
    late = vigil(home, "config", "check", LOCK_HEARTBEAT_INTERVAL="60", **REAL)
    assert late.returncode == 78
    assert "LOCK_HEARTBEAT_INTERVAL" in late.stderr


def test_doctor_without_settings_fails_and_tells_them_all(home: Path) -> None:
    """On a fresh machine, without a database, and without making one."""
    done = vigil(home, "doctor")
    assert done.returncode == 1
    for name in ("TELEGRAM_BOT_TOKEN", "KIE_API_KEY", "ADMIN_IDS"):
        assert name in done.stdout
    assert not (home / "home").exists()
