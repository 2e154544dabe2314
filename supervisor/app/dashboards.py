"""`vigil dashboards export DIR`: write dashboards, rules, alerts and provisioning out of the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

import anyio.to_thread

from supervisor.errors import ExitCode, SupervisorError

PACKAGE = "dashboards"
DATA = frozenset({".json", ".md", ".yml"})


def add_dashboards_commands(verbs: Any) -> None:
    """Add the verb and its action to the command line."""
    actions = verbs.add_parser("dashboards", help="for Grafana, Prometheus, Alertmanager").add_subparsers(
        metavar="ACTION", required=True
    )
    text = "write dashboards, rules, alerts and provisioning into a folder; files of those names are replaced"
    export = actions.add_parser("export", help=text, description=text)
    export.add_argument("folder", metavar="DIR", type=Path, help="created if it is missing")
    export.set_defaults(command=_export)


async def _export(arguments: argparse.Namespace) -> int:
    for path in await anyio.to_thread.run_sync(write, arguments.folder):
        sys.stdout.write(f"{path}\n")
    return ExitCode.OK


def write(folder: Path) -> list[Path]:
    """Write every data file of the package into the folder and return their paths; raise `SupervisorError`."""
    written = []
    try:
        for name, file in _files(resources.files(PACKAGE)):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read_bytes())
            written.append(path)
    except OSError as error:
        raise SupervisorError(
            f"Writing the dashboards into {folder}: {error}", hint="name a folder that you may write to"
        ) from error
    return written


def _files(folder: Traversable, inside: str = "") -> Iterator[tuple[str, Traversable]]:
    """Every data file with its path inside the package, in the order of the names."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{inside}{entry.name}/")
        elif PurePosixPath(entry.name).suffix in DATA:
            yield f"{inside}{entry.name}", entry
