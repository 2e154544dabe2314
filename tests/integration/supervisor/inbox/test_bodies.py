"""Whatever arrives is kept byte for byte, by a real database, beside others that are kept too."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import ingress
from supervisor.inbox.writer import Writer
from tests.integration.children import running

AWKWARD = [
    b"",
    b"\0",
    b"\xff\xfe\xfd",
    b"\xed\xa0\x80",
    b"'; DROP TABLE inbox; --",
    b"[" * 100_000,
    b'{"update_id": 1, "message": {"text": "' + b"x" * 1_000_000 + b'"}}',
    b'{"update_id": 2, "message": {"text": "\\u0000 \\ud800"}}',
    b'{"update_id": 3, "message": {"chat": {"id": -1}}}',
    b'{"update_id": 4}',
    b'{"update_id": 5, "message": {"chat": {"id": ' + b"9" * 5000 + b"}}}",
    b'{"update_id": 6, "update_id": 7}',
    b'{"update_id": 9223372036854775807}',
    b'{"update_id": 9223372036854775808}',
    b'{"update_id": -1}',
    b'{"update_id": 1.0}',
    b'{"update_id": NaN}',
    b'{"update_id": "8"}',
    b'{"update_id": true}',
    b'{"update_id": 0, "message": {"chat": {"id": -9223372036854775808}}}',
]


@pytest.fixture
async def writer(database_url: str) -> AsyncIterator[Writer]:
    """A running writer."""
    made = Writer(lambda: database_url)
    async with running(made.serve):
        yield made


async def kept(writer: Writer, pool: Any, bodies: list[bytes]) -> None:
    arrivals = {arrival.dedupe_key: arrival for arrival in map(ingress.arrival, bodies)}
    async with anyio.create_task_group() as group:
        for arrival in arrivals.values():
            group.start_soon(writer.put, arrival)
    rows = await pool.fetch("SELECT dedupe_key, lane, state, body FROM inbox WHERE dedupe_key = ANY($1)", [*arrivals])
    found = {row["dedupe_key"]: (row["lane"], row["state"], bytes(row["body"])) for row in rows}
    assert found == {
        key: (arrival.lane, "dead" if arrival.dead else "ready", arrival.body) for key, arrival in arrivals.items()
    }


async def test_every_awkward_body_is_kept_as_it_came(writer: Writer, pool: Any) -> None:
    """In one batch: none costs another anything."""
    await kept(writer, pool, AWKWARD)


async def test_any_bodies_are_kept_as_they_came(writer: Writer, pool: Any) -> None:
    """Any bytes, any JSON, in batches of any size."""
    text = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
    updates = st.builds(
        lambda number, more: json.dumps({"update_id": number, "message": more}).encode(),
        st.integers(10, 2**63),
        st.text(),
    )
    examples: list[list[bytes]] = []

    @settings(max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.binary(max_size=200) | text | updates, max_size=20))
    def collect(bodies: list[bytes]) -> None:
        examples.append(bodies)

    # Drawn first: the database is asked on this test's own loop.
    collect()
    seen: set[str] = set()
    for bodies in examples:
        fresh = [body for body in bodies if ingress.arrival(body).dedupe_key not in seen]
        await kept(writer, pool, fresh)
        seen |= {ingress.arrival(body).dedupe_key for body in fresh}
