"""`vigil db`: the embedded PostgreSQL."""

from __future__ import annotations

import argparse

from supervisor.commands.reach import base_settings
from supervisor.errors import ExitCode


async def serve(_arguments: argparse.Namespace) -> int:
    """Run the embedded PostgreSQL alone until a signal."""
    from supervisor.embedded.alone import serve_alone

    await serve_alone(base_settings().vigil_home)
    return ExitCode.OK
