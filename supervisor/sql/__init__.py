"""The kernel's SQL, one query a file, named `<noun>_<verb>.sql`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """Return the text of the query `name`; a missing file raises FileNotFoundError."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
