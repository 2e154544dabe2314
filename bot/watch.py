"""The child that keeps the vitals true: numbers from the database, and the operator's account from the provider.

Both are looked at by a timer that luck spreads, and the account again soon after an order was refused for it. What cannot
be read or asked stays as it was known last; the bot works on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio.abc import TaskStatus

from bot import numbers
from bot.ports import Database, Term
from bot.providers.base import Account, Misconfigured, ProviderError
from bot.sale import Sale
from bot.vitals import Vitals
from telemetry import emit, events

LOOK_SECONDS: Final = 1.0
"""Between two looks at whether anything is due; also how soon a refusal is shown by every instance."""
NUMBERS_SECONDS: Final = 30.0
BALANCE_SECONDS: Final = 60.0
STOPPED_SECONDS: Final = 15.0
"""Between two questions while selling has stopped; it stops for so long at least, or it would stop for every order."""
FOLD_SECONDS: Final = 3600.0
LONGEST_CALL_SECONDS: Final = 10.0


@dataclass(slots=True)
class Watch:
    """Watches during one term; `luck` is in [0, 1)."""

    database: Database
    term: Term
    vitals: Vitals
    open_account: Callable[[], AbstractAsyncContextManager[Account]]
    luck: Callable[[], float]
    clock: Callable[[], float] = anyio.current_time
    _kept: Sale | None = field(default=None, init=False)
    _is_stopped: bool = field(default=False, init=False)
    _due: dict[str, float] = field(default_factory=dict, init=False)

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Watch until cancelled; woken every second, and only what is due is done."""
        try:
            async with self.open_account() as account:
                task_status.started()
                while True:
                    await self._look(account)
                    await anyio.sleep(LOOK_SECONDS * self._spread())
        finally:
            self.vitals.forget()

    async def _look(self, account: Account) -> None:
        is_stopped = self.vitals.sale.stopped is not None
        if is_stopped and not self._is_stopped:
            self._due["balance"] = self.clock() + STOPPED_SECONDS * self._spread()
        self._is_stopped = is_stopped
        if self._is_due("balance", STOPPED_SECONDS if is_stopped else BALANCE_SECONDS):
            await self._ask(account)
        try:
            await self._read_and_write()
        except self.database.lost as error:
            emit(events.NumbersStalled(error=error))

    async def _read_and_write(self) -> None:
        if self._is_due("numbers", NUMBERS_SECONDS):
            async with self.database.reading() as connection:
                self.vitals.measured(await numbers.recent(connection))
        if (sale := self.vitals.sale) != self._kept:
            async with self.database.transaction() as connection:
                await numbers.told(connection, sale)
            self._kept = sale
        if self._is_due("fold", FOLD_SECONDS):
            async with self.database.transaction() as connection:
                await numbers.fold(connection)

    async def _ask(self, account: Account) -> None:
        await self.term.trusted()
        sale = self.vitals.sale
        try:
            with anyio.fail_after(LONGEST_CALL_SECONDS):
                sale = sale.told(await account.balance())
        except Misconfigured as error:
            emit(events.ProviderMisconfigured(provider=numbers.PROVIDER, operation=error.operation, code=error.code))
            sale = sale.refused(error.code)
        except (ProviderError, TimeoutError) as error:
            emit(events.BalanceUnknown(error=error))
            return
        self.vitals.account(sale)
        # Written again even if it is the same: how old the answer is says whether anybody still asks.
        self._kept = None

    def _is_due(self, what: str, every: float) -> bool:
        now = self.clock()
        if now < self._due.get(what, now):
            return False
        self._due[what] = now + every * self._spread()
        return True

    def _spread(self) -> float:
        return 0.8 + 0.4 * self.luck()
