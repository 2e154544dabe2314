"""What each of the two ports answers, and what only operators see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.types import ASGIApp

from supervisor.app import routes
from supervisor.app.instance import Instance
from telemetry import metrics
from tests.integration.app.conftest import asking


async def test_the_public_port_tells_health_and_nothing_more(instance: Instance) -> None:
    """Six fields, no holder, no host, no child; what operators see is not there."""
    async with asking(routes.public(instance)) as client:
        health = await client.get("/health")
        assert health.status_code == 200
        assert set(health.json()) == {
            "status",
            "version",
            "uptime",
            "lock_state",
            "migrations_count",
            "migrations_applied",
        }
        for hidden in ("/", "/status", "/metrics", "/docs", "/openapi.json"):
            assert (await client.get(hidden)).status_code == 404


@pytest.mark.parametrize("port", [routes.public, routes.operators])
async def test_both_ports_answer_the_probes_of_an_instance_that_is_still_starting(
    instance: Instance, port: Callable[[Instance], ASGIApp]
) -> None:
    """It lives, it cannot accept yet and says why, and it does not lead."""
    async with asking(port(instance)) as client:
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert "the database is not connected" in ready.json()["reasons"]
        assert (await client.get("/activez")).status_code == 503


async def test_an_instance_that_drains_is_not_ready_and_says_so(instance: Instance) -> None:
    """The load balancer stops sending before the port closes."""
    instance.ladder.request_drain("test")
    async with asking(routes.public(instance)) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["reasons"]) == (503, ["draining"])
        assert (await client.get("/livez")).status_code == 200


async def test_operators_see_the_page_the_status_and_the_metrics(instance: Instance) -> None:
    """For people, for programs and for Prometheus, which may ask for either of its formats."""
    metrics.configure(instance_id=instance.instance_id, version="test")
    async with asking(routes.operators(instance)) as client:
        page = await client.get("/")
        assert instance.instance_id in page.text
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert (await client.get("/status")).json()["instance_id"] == instance.instance_id
        plain = await client.get("/metrics")
        assert plain.headers["Content-Type"].startswith("text/plain")
        assert "supervisor_build_info" in plain.text
        newer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert newer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert newer.text.endswith("# EOF\n")
