"""Tracing without a collector: the settings, the link, the no-op."""

from __future__ import annotations

import pytest

from telemetry import tracing
from telemetry.otel import Endpoint

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(("flags", "kept"), [("00", False), ("01", True), ("02", False), ("03", True)])
def test_a_link_reads_the_sampled_bit_and_not_the_whole_flags(flags: str, kept: bool) -> None:
    """The SDK writes 03 (sampled and random); comparing with 01 would lose every link."""
    cause = tracing.link(f"00-{TRACE}-{SPAN}-{flags}")
    assert cause is not None
    assert cause.sampled is kept
    assert (cause.trace_id, cause.span_id) == (int(TRACE, 16), int(SPAN, 16))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "rubbish",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE[:-2]}_1-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-extra",
    ],
)
def test_a_malformed_traceparent_is_no_link(text: str | None) -> None:
    """What stands in an old row must never stop its update from being handled."""
    assert tracing.link(text) is None


def test_without_an_endpoint_a_span_does_nothing() -> None:
    """The same code runs untraced: no parent, no ids, and attributes go nowhere."""
    assert not tracing.configure(instance_id="a", version="1", environ={})
    with tracing.span("work", kind="consumer", links=[None], answer=42) as span:
        span.set({"more": "still nothing"})
        span.fail("timeout")
        assert tracing.inject() is None
        assert tracing.ids() is None
        assert tracing.exemplar() is None


async def test_shutting_down_without_tracing_is_immediate() -> None:
    """Nothing to send, nothing to wait for."""
    assert await tracing.shutdown()


def test_the_standard_names_mean_what_they_always_mean() -> None:
    """A base URL gets the signal's path, a signal's URL is taken as it is, headers are unquoted."""
    endpoint = Endpoint.of(
        BASE
        | {
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=blue%20one, authorization=Bearer%20abc",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
        }
    )
    assert endpoint is not None
    assert endpoint.url == "http://127.0.0.1:4318/v1/traces"
    assert endpoint.headers == {"x-tenant": "blue one", "authorization": "Bearer abc"}
    assert endpoint.resource == {"deployment.environment.name": "test"}
    assert endpoint.ratio == pytest.approx(0.1)
    exact = Endpoint.of({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/custom"})
    assert exact is not None
    assert exact.url == "https://collector/custom"
    assert exact.ratio == 1.0


@pytest.mark.parametrize(
    "off", [{}, BASE | {"OTEL_SDK_DISABLED": "TRUE"}, BASE | {"OTEL_TRACES_EXPORTER": "none"}, dict.fromkeys(BASE, " ")]
)
def test_tracing_is_off_when_the_names_say_so(off: dict[str, str]) -> None:
    """No endpoint, the kill switch, or no exporter."""
    assert Endpoint.of(off) is None


def test_an_export_never_takes_longer_than_two_seconds() -> None:
    """A longer setting would let a dead collector hold up the shutdown."""
    longest = Endpoint.of(BASE | {"OTEL_EXPORTER_OTLP_TIMEOUT": "10000"})
    shorter = Endpoint.of(BASE | {"OTEL_EXPORTER_OTLP_TIMEOUT": "500"})
    assert longest is not None
    assert shorter is not None
    assert (longest.timeout_seconds, shorter.timeout_seconds) == (2.0, 0.5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "no http:// or https:// URL"),
        (BASE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "only http/protobuf is supported"),
        (BASE | {"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "known are always_on"),
        (BASE | {"OTEL_TRACES_SAMPLER_ARG": "ten percent"}, "must be a number from 0 to 1"),
        (BASE | {"OTEL_TRACES_SAMPLER_ARG": "10"}, "must be a number from 0 to 1"),
        (BASE | {"OTEL_TRACES_SAMPLER_ARG": "nan"}, "must be a number from 0 to 1"),
        (BASE | {"OTEL_EXPORTER_OTLP_TIMEOUT": "2s"}, "positive number of milliseconds"),
    ],
)
def test_a_setting_that_cannot_be_followed_is_refused_with_what_to_do(wrong: dict[str, str], said: str) -> None:
    """Silently exporting nothing would be noticed on the day the traces are needed."""
    with pytest.raises(ValueError, match=said):
        tracing.configure(instance_id="a", version="1", environ=wrong)
