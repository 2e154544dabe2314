"""Checks of the machine: names, clocks, the home, the kill timer, how long the platform waits."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

from supervisor.check import Check, failed, passed, skipped, warned
from supervisor.clock import boottime
from supervisor.errors import SupervisorError
from supervisor.killtimer import KillTimer

NAMES = ("supervisor", "bot", "telemetry", "dashboards", "migrations")
OURS = "vigil"
LITTLE_BYTES, NEEDED_BYTES = 1_000_000_000, 100_000_000
FAR_SECONDS = 3600.0
"""For a timer that is disarmed at once."""
DOCKER_GRACE, RENDER_GRACE, KUBERNETES_GRACE, SYSTEMD_GRACE = 10.0, 30.0, 30.0, 90.0


def names(owners: Mapping[str, Sequence[str]] | None = None) -> Check:
    """Tell whether another distribution installs a package under one of our names: each overwrites the other's files."""
    owners = packages_distributions() if owners is None else owners
    clashes = [
        f"{name} (also of {', '.join(sorted(others))})"
        for name in NAMES
        if (others := set(owners.get(name, ())) - {OURS})
    ]
    if clashes:
        hint = "install Vigil into a virtual environment of its own, or uninstall the other one"
        return failed("names", f"another distribution has our packages' names: {'; '.join(clashes)}", hint)
    return passed("names", "no other distribution has a package called as ours are")


def clock(read: Callable[[], float] = boottime, spins: int = 1_000_000) -> Check:
    """Tell whether the clock of every deadline moves, and only forwards."""
    first = last = read()
    for _ in range(spins):
        now = read()
        if now < last:
            return failed(
                "clock", f"CLOCK_BOOTTIME went back by {last - now:g} s", "update the kernel; deadlines rely on it"
            )
        last = now
        if last > first:
            return passed("clock", f"CLOCK_BOOTTIME moves; the machine is up for {last / 3600:.1f} h")
    return failed(
        "clock", "CLOCK_BOOTTIME stands still", "look at the kernel or the sandbox it runs in; deadlines rely on it"
    )


def home(path: Path, *, free: int | None = None) -> Check:
    """Tell whether the home is ours alone to write, and has room."""
    if not path.exists():
        return passed("home", f"{path} is not there yet; vigil run makes it")
    if not path.is_dir() or not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return failed(
            "home",
            f"{path} is not a folder that uid {os.geteuid()} can write to",
            "set VIGIL_HOME, or run as its owner",
        )
    if path.stat().st_mode & stat.S_IWOTH:
        return failed("home", f"{path} can be written by everyone on this machine", f"chmod o-w {path}")
    room = shutil.disk_usage(path).free if free is None else free
    shown = f"{room / 1e9:.1f} GB free in {path}"
    if room < NEEDED_BYTES:
        return failed("home", f"only {shown}", "make room: PostgreSQL stops when it cannot write")
    if room < LITTLE_BYTES:
        return warned("home", f"only {shown}", "make room, or move VIGIL_HOME to a larger disk")
    return passed("home", shown)


def kill_timer(arm: Callable[[], None] | None = None) -> Check:
    """Tell whether the kernel's timer, which ends a holder past its hard deadline, can be had here."""
    try:
        (arm or _arm_and_disarm)()
    except (SupervisorError, OSError) as failure:
        return failed(
            "kill timer",
            f"the kernel gives none: {failure}",
            "run on Linux with glibc or musl, and not as process 1: vigil run as process 1 forks by itself",
        )
    return passed("kill timer", "the kernel arms and disarms it")


def _arm_and_disarm() -> None:
    timer = KillTimer()
    try:
        timer.arm(boottime() + FAR_SECONDS)
    finally:
        timer.close()


def grace(seconds: float, environ: Mapping[str, str], *, in_docker: bool) -> Check:
    """Tell whether the platform is likely to wait as long as the shutdown may take."""
    platform = _platform(environ, in_docker=in_docker)
    if platform is None:
        return skipped(
            "grace", f"SHUTDOWN_GRACE is {seconds:g} s; nothing here tells which platform stops this program"
        )
    name, waits, setting = platform
    if seconds > waits:
        return warned(
            "grace",
            f"SHUTDOWN_GRACE is {seconds:g} s, {name} waits {waits:g} s unless told otherwise, then kills",
            f"{setting}, at least {seconds:g} s; or lower SHUTDOWN_GRACE",
        )
    return passed("grace", f"SHUTDOWN_GRACE is {seconds:g} s, {name} waits {waits:g} s or more")


def _platform(environ: Mapping[str, str], *, in_docker: bool) -> tuple[str, float, str] | None:
    if "RENDER" in environ:
        return "Render", RENDER_GRACE, "set maxShutdownDelaySeconds"
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "Kubernetes", KUBERNETES_GRACE, "set terminationGracePeriodSeconds"
    if in_docker:
        return "Docker", DOCKER_GRACE, "set stop_grace_period (compose) or --stop-timeout"
    if "INVOCATION_ID" in environ:
        return "systemd", SYSTEMD_GRACE, "set TimeoutStopSec"
    return None
