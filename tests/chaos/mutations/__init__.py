"""The rules of the lock and of the queue, each broken in one place."""

from __future__ import annotations

from tests.chaos.mutations import accepting, claiming, handling, keeping, lock, pacing, polling, sending
from tests.chaos.mutations.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *lock.MUTANTS,
    *accepting.MUTANTS,
    *polling.MUTANTS,
    *claiming.MUTANTS,
    *handling.MUTANTS,
    *keeping.MUTANTS,
    *pacing.MUTANTS,
    *sending.MUTANTS,
)
