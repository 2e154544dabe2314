"""Whether the webhook that Telegram knows is the one we want. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field

from bot.ingress import ALLOWED_UPDATES

MAX_CONNECTIONS = 100


@dataclass(frozen=True, slots=True)
class Webhook:
    """The webhook we want; its address ends in a secret path, so it is never shown."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    max_connections: int = MAX_CONNECTIONS
    allowed_updates: tuple[str, ...] = ALLOWED_UPDATES

    @property
    def fingerprint(self) -> str:
        """Tell this secret from another one without giving it away: Telegram never says which secret it uses."""
        return hashlib.sha256(f"webhook secret:{self.secret}".encode()).hexdigest()[:32]

    def differences(
        self, *, url: str, max_connections: int | None, allowed_updates: Collection[str], fingerprint: str | None
    ) -> tuple[str, ...]:
        """Name what differs from what Telegram tells, and from the fingerprint kept when the secret was last set."""
        found = {
            "url": url != self.url,
            "max_connections": max_connections != self.max_connections,
            "allowed_updates": frozenset(allowed_updates) != frozenset(self.allowed_updates),
            "secret": fingerprint != self.fingerprint,
        }
        return tuple(name for name, differs in found.items() if differs)
