"""What comes over HTTP is taken as it is on the wire: unpacked, a few bytes could grow beyond every bound at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx

UNPACKED: Final[Mapping[str, str]] = {"Accept-Encoding": "identity"}
"""Asks for an answer as it is."""


def is_packed(response: httpx.Response) -> bool:
    """Whether an answer came packed all the same: then nobody may read it."""
    codings = response.headers.get_list("Content-Encoding", split_commas=True)
    return any(coding.strip().lower() not in {"", "identity"} for coding in codings)
