"""Variables that look like ours and are not: a misspelt setting is ignored, and nobody notices. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping

from supervisor.settings import Problem

OURS = ("LOCK_", "VIGIL_", "SHUTDOWN_")
"""No other program's variables begin so."""
NOT_SETTINGS = ("VIGIL_TEST_", "VIGIL_SERVICE_")
"""The test suite's, and what Kubernetes gives to every container beside a service called vigil."""
LINK = re.compile(r"^(tcp|udp|sctp)://")
"""A value of the same kind: VIGIL_PORT=tcp://10.0.0.1:8080."""
CLOSE = 0.87
SHORTEST = 6
"""Shorter names are close to too many others."""


def strays(environ: Mapping[str, str], known: Collection[str]) -> Iterator[Problem]:
    """Yield a warning for every variable that no setting is read from, though it looks as if one was meant."""
    for name, value in sorted(environ.items()):
        if name in known or name.startswith(NOT_SETTINGS) or LINK.match(value):
            continue
        meant = _meant(name, known)
        if meant:
            yield Problem(name, f"ignored: there is no such setting; did you mean {meant}?")
        elif name.startswith(OURS):
            yield Problem(name, "ignored: there is no such setting")


def _meant(name: str, known: Collection[str]) -> str | None:
    if len(name) < SHORTEST:
        return None
    candidates = difflib.get_close_matches(name.upper(), list(known), n=1, cutoff=CLOSE)
    return candidates[0] if candidates else None
