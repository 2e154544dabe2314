"""Inbox rows find their handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from bot.catalogue import Catalogue
from bot.services import Services


@dataclass(frozen=True)
class Row:
    """A row of the inbox."""

    source: str
    body: bytes = b"{}"


class Telegram:
    """Keeps what it is handed."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    async def handle(self, row: Row, _connection: Any) -> None:
        """Keep the row."""
        self.rows.append(row)


async def test_a_row_of_a_source_nobody_handles_is_hopeless() -> None:
    """It becomes a dead letter at once, and says why; an update goes to the handlers."""
    telegram = Telegram()
    services = Services({}, cast("Any", telegram), lambda: None, Catalogue({}))
    await services.handle(Row("telegram"), cast("Any", None))
    assert telegram.rows == [Row("telegram")]
    with pytest.raises(services.hopeless, match="stripe"):
        await services.handle(Row("stripe"), cast("Any", None))
