"""What may be said about a DATABASE_URL."""

from __future__ import annotations

import asyncpg
import pytest

from supervisor.database import LOST, place


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:secret@db.example:5432/bot", "db.example:5432/bot"),
        ("postgresql://vigil@%2Frun%2Fvigil%20x:5432/vigil", "/run/vigil x:5432/vigil"),
        ("postgresql:///bot?host=/run/postgresql&password=secret", "/run/postgresql/bot"),
        ("postgresql:///bot", "localhost/bot"),
        ("postgresql://u:sec@ret@db.example/bot", "db.example/bot"),
    ],
)
def test_a_database_is_named_without_user_and_password(url: str, expected: str) -> None:
    """The place goes into messages and logs; whoever reads them must not be able to log in."""
    assert place(url) == expected


@pytest.mark.parametrize("sign", ["/", "?", "#"])
def test_a_password_that_breaks_the_address_is_not_shown(sign: str) -> None:
    """Unescaped, these signs end the host early, and half of the password would look like a path."""
    shown = place(f"postgresql://u:sec{sign}ret@db.example/bot")
    assert "sec" not in shown
    assert "unreadable" in shown


@pytest.mark.parametrize(
    "url", ["host=db password=sec", "sec", "postgresql://u:s[ec@db/bot", "mysql://u:sec@db/bot", "postgres:sec"]
)
def test_what_is_no_address_at_all_is_not_shown(url: str) -> None:
    """Nobody knows which part of it is the password."""
    assert place(url) == place("postgresql://u:a/b@db/bot")


def test_a_statement_that_took_too_long_is_no_lost_database() -> None:
    """Its connection is fine; treating it as lost would end a term for one slow query."""
    assert not issubclass(asyncpg.QueryCanceledError, LOST)
    assert issubclass(asyncpg.AdminShutdownError, LOST)
