"""Ask for a planned change of the leader: who leads, who could, and the request that its keeper listens for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from supervisor.database import Connection, Pool
from supervisor.errors import SupervisorError
from supervisor.sql import sql

LOOK_SECONDS = 5.0


class NotHandedOver(SupervisorError):
    """There is nobody to give leadership away, or nobody to take it."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds the lease at one moment; `standbys` counts the other instances that could.

    `gone`: the holder's session is. `expires_in`: seconds until the lease is over, below 0 when it is.
    """

    epoch: int
    holder: str | None
    standbys: int
    gone: bool = False
    expires_in: float = 0.0

    @classmethod
    async def look(cls, connection: Connection | Pool) -> Self:
        """Read it on any connection."""
        row = await connection.fetchrow(sql("handover_look"), timeout=LOOK_SECONDS)
        if row is None:
            return cls(0, None, 0)
        holder = row["holder"] if row["state"] == "held" else None
        return cls(row["epoch"], holder, row["standbys"], row["gone"], row["expires_in"])

    def refuse(self, *, force: bool) -> None:
        """Raise `NotHandedOver` when asking would leave the bot without a leader, or there is none."""
        if self.holder is None:
            raise NotHandedOver("Nobody leads, so there is nothing to hand over.", hint="vigil lock show")
        if self.gone:
            lease = f"is over in {self.expires_in:.1f} s" if self.expires_in > 0 else "is over"
            raise NotHandedOver(
                f"{self.holder} cannot be asked: its session with the database is gone, and its lease {lease}. "
                "An instance that runs leads then, if not before.",
                hint="vigil lock show; if no instance runs: vigil run",
            )
        if not self.standbys and not force:
            raise NotHandedOver(
                f"{self.holder} leads and nobody stands by: after a handover it would only lead again.",
                hint="start a second instance first; or --force: behind a pooler standbys cannot be seen.",
            )

    def is_over(self, before: Holding) -> bool:
        """Tell whether this is another term, or another holder, than `before`."""
        return self.holder is not None and (self.epoch, self.holder) != (before.epoch, before.holder)


async def ask(connection: Connection | Pool, holding: Holding) -> None:
    """Ask the holder that was seen, through the database; it may be on another machine."""
    await connection.execute(sql("lock_ask"), holding.epoch, timeout=LOOK_SECONDS)
