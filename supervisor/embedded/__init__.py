"""A real PostgreSQL without an installation: the programs of a wheel, run as our own child."""

from __future__ import annotations

from supervisor.embedded.alone import at_hand, serve_alone
from supervisor.embedded.profile import DURABLE, THROWAWAY, Profile
from supervisor.embedded.room import HomeHeld
from supervisor.embedded.server import Embedded, PostgresEnded

__all__ = ["DURABLE", "THROWAWAY", "Embedded", "HomeHeld", "PostgresEnded", "Profile", "at_hand", "serve_alone"]
