"""Traces as a collector receives them: linked, complete, redacted, and never in the way of a shutdown."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from telemetry import emission, emit, events, redact, semconv, tracing


class Collector:
    """A collector on the loopback: keeps what was sent, and can refuse or hang on purpose."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: dict[str, str] = {}
        self.refusals = 0
        self.hang = False
        self.released = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Make the class that answers for this collector."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.hang:
                    collector.released.wait(20)
                    return
                if collector.refusals:
                    collector.refusals -= 1
                    self.send_error(503)
                    return
                packed = self.headers["Content-Encoding"] == "gzip"
                request = ExportTraceServiceRequest()
                request.ParseFromString(gzip.decompress(body) if packed else body)
                collector.headers = dict(self.headers.items())
                collector.requests.append(request)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        return Handler

    def all(self) -> list[Span]:
        """Every span that arrived."""
        resources = [resource for request in self.requests for resource in request.resource_spans]
        scopes = [scope for resource in resources for scope in resource.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def spans(self) -> dict[str, Span]:
        """The last span of each name."""
        return {span.name: span for span in self.all()}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that runs as long as the test."""
    running = Collector()
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.released.set()
    running.server.shutdown()
    running.server.server_close()
    thread.join(5)


@pytest.fixture(autouse=True)
def nothing_configured() -> Iterator[None]:
    """Leave no tracer and no secret behind."""
    yield
    tracing.reset()
    redact.forget_secrets()


def trace_to(url: str, **settings: str) -> None:
    """Send traces there."""
    assert tracing.configure(
        instance_id="test-1", version="1.2.3", environ={"OTEL_EXPORTER_OTLP_ENDPOINT": url, **settings}
    )


def attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    """Read attributes by name."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}


async def test_an_update_is_traced_from_the_webhook_through_the_row_to_its_handling(collector: Collector) -> None:
    """Two traces, tied by a link: the handling may come long after the request is answered."""
    trace_to(collector.url, OTEL_EXPORTER_OTLP_HEADERS="x-tenant=blue")
    with (
        tracing.span("whatever happens to be current"),
        tracing.span("POST /webhook/{path}", kind="server", attributes={semconv.HTTP_ROUTE: "/webhook"}),
        tracing.span("send updates", kind="producer"),
    ):
        row = tracing.inject()
    assert row is not None
    with (
        tracing.span("a loop that handles many"),
        tracing.span("process updates", kind="consumer", links=[tracing.link(row)], epoch=7),
    ):
        await anyio.lowlevel.checkpoint()
        with tracing.span("generate_content z-image", kind="client"):
            emit(events.GenerationSubmitted(generation_id=1, model="z-image", task_id="t-1"))
            emit(events.UpdatesAccepted(source="telegram", result="new", rows=1))
    with tracing.span("a loop that sends many"), tracing.span("send message", links=[tracing.link(row)]):
        pass
    assert await tracing.shutdown()

    spans = collector.spans()
    assert not spans["send message"].parent_span_id
    server, sent = spans["POST /webhook/{path}"], spans["send updates"]
    processed, called = spans["process updates"], spans["generate_content z-image"]
    assert sent.parent_span_id == server.span_id
    assert (processed.links[0].trace_id, processed.links[0].span_id) == (sent.trace_id, sent.span_id)
    assert processed.trace_id != sent.trace_id
    assert not processed.parent_span_id
    assert not server.parent_span_id
    assert (called.trace_id, called.parent_span_id) == (processed.trace_id, processed.span_id)
    kinds = (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER, Span.SPAN_KIND_CLIENT)
    assert (server.kind, sent.kind, processed.kind, called.kind) == kinds
    assert attributes(processed.attributes) == {"epoch": 7}
    assert [event.name for event in called.events] == ["generations.submitted"]
    assert attributes(called.events[0].attributes)["task_id"] == "t-1"
    resource = attributes(collector.requests[0].resource_spans[0].resource.attributes)
    assert resource["service.name"] == "vigil"
    assert resource["service.version"] == "1.2.3"
    assert resource["service.instance.id"] == "test-1"
    assert collector.headers["x-tenant"] == "blue"


async def test_a_pair_is_kept_or_dropped_together(collector: Collector) -> None:
    """At half the traces, no webhook span arrives without its process span, nor the other way round."""
    trace_to(collector.url, OTEL_TRACES_SAMPLER_ARG="0.5")
    for number in range(60):
        with tracing.span(f"send {number}", kind="server"):
            row = tracing.inject()
        with tracing.span(f"process {number}", kind="consumer", links=[tracing.link(row)]):
            pass
    with tracing.span("term", root=True):
        pass
    assert await tracing.shutdown()
    names = set(collector.spans())
    assert "term" in names
    sent = {name.split()[1] for name in names if name.startswith("send")}
    processed = {name.split()[1] for name in names if name.startswith("process")}
    assert sent == processed
    assert 0 < len(sent) < 60


async def test_the_term_takes_up_what_happens_outside_of_any_span_and_has_no_children(collector: Collector) -> None:
    """A term lasts for days: its work has traces of its own, its heartbeats come from another thread."""
    trace_to(collector.url, OTEL_TRACES_SAMPLER_ARG="0")
    keeper = threading.Thread(
        target=lambda: emit(events.HeartbeatSummary(ok=1800, failed=0, epoch=7, slowest_seconds=0.1))
    )
    with tracing.span("term", ambient=True, epoch=7):
        emit(events.RoleChanged(role="ACTIVE", state="ACTIVE", previous="CLAIMING"))
        keeper.start()
        keeper.join()
        with tracing.span("provider create", kind="client"):
            emit(events.GenerationSubmitted(generation_id=1, model="z-image", task_id="t-1"))
    emit(events.LockReleased(epoch=7, held_seconds=1.0))
    assert await tracing.shutdown()
    assert set(collector.spans()) == {"term", "handover"}
    term = collector.spans()["term"]
    assert [event.name for event in term.events] == ["lock.role_changed", "lock.heartbeat_summary"]


async def test_every_change_of_hands_is_a_span_of_its_own_that_is_always_kept(collector: Collector) -> None:
    """A takeover reaches back to the last heartbeat that was seen, a handover to the beginning of its drain."""
    trace_to(collector.url, OTEL_TRACES_SAMPLER_ARG="0")
    with tracing.span("whatever happens to be current"):
        emit(events.TermWon(epoch=7, reason="stale", previous_holder="a-1", waited_seconds=5.25))
    emit(events.RoleChanged(role="ACTIVE", state="DRAINING", previous="ACTIVE"))
    emit(events.LockReleased(epoch=7, held_seconds=90.0))
    assert await tracing.shutdown()
    spans = collector.spans()
    assert set(spans) == {"takeover", "handover"}
    takeover, handover = spans["takeover"], spans["handover"]
    assert not takeover.parent_span_id
    assert takeover.end_time_unix_nano - takeover.start_time_unix_nano == 5_250_000_000
    assert attributes(takeover.attributes) == {
        "epoch": 7,
        "reason": "stale",
        "previous_holder": "a-1",
        "waited_seconds": 5.25,
    }
    facts = attributes(handover.attributes)
    assert (facts["epoch"], facts["held_seconds"]) == (7, 90.0)
    assert 0 < handover.end_time_unix_nano - handover.start_time_unix_nano < 60_000_000_000


async def test_a_failure_is_marked_without_its_text_and_a_cancellation_is_none(collector: Collector) -> None:
    """The text of an exception may hold what must not leave the process; being cancelled is no fault."""
    trace_to(collector.url)
    with pytest.raises(ValueError, match="hunter2"), tracing.span("failing"):
        raise ValueError("password hunter2")
    with anyio.CancelScope() as scope, tracing.span("cancelled"):
        scope.cancel()
        await anyio.lowlevel.checkpoint()
    assert await tracing.shutdown()
    failing, cancelled = collector.spans()["failing"], collector.spans()["cancelled"]
    assert failing.status.code == Status.STATUS_CODE_ERROR
    assert attributes(failing.attributes) == {semconv.ERROR_TYPE: "ValueError"}
    assert cancelled.status.code == Status.STATUS_CODE_UNSET
    assert attributes(cancelled.attributes) == {semconv.VIGIL_CANCELLED: True}
    assert b"hunter2" not in b"".join(request.SerializeToString() for request in collector.requests)


async def test_no_registered_secret_reaches_the_collector(collector: Collector) -> None:
    """Attributes and events pass the same redaction as log lines."""
    trace_to(collector.url)
    redact.register_secret("correct-horse-battery")
    with tracing.span("call", url="http://user:correct-horse-battery@host/?q=correct-horse-battery") as span:
        span.set({"note": "it is correct-horse-battery"})
        emit(events.DatabaseLost(error=OSError("correct-horse-battery refused")))
    assert await tracing.shutdown()
    sent = b"".join(request.SerializeToString() for request in collector.requests)
    assert b"database.lost" in sent
    assert b"correct-horse" not in sent


async def test_a_refused_export_is_sent_again(collector: Collector) -> None:
    """A collector that restarts costs nothing."""
    collector.refusals = 1
    trace_to(collector.url)
    before = emission.spans().get("sent", 0)
    with tracing.span("patient"):
        pass
    assert await tracing.shutdown()
    assert "patient" in collector.spans()
    assert emission.spans()["sent"] == before + 1


async def test_a_collector_that_never_answers_does_not_hold_up_the_shutdown(collector: Collector) -> None:
    """Bounded by the given time, with the event loop free meanwhile, and the caller is told."""
    collector.hang = True
    trace_to(collector.url)
    with tracing.span("stuck"):
        pass
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    started = time.monotonic()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        assert not await tracing.shutdown(timeout=0.5)
        tasks.cancel_scope.cancel()
    assert time.monotonic() - started < 1.0
    assert ticks > 10


async def test_a_collector_that_is_gone_is_given_up_within_three_seconds() -> None:
    """The default bound; what was lost is counted."""
    trace_to("http://127.0.0.1:9")
    before = emission.spans().get("failed", 0)
    with tracing.span("lost"):
        pass
    started = time.monotonic()
    assert await tracing.shutdown()
    assert time.monotonic() - started < 3.5
    assert emission.spans()["failed"] > before


async def test_spans_after_the_shutdown_do_nothing(collector: Collector) -> None:
    """The last phases of the process run untraced rather than into a closed exporter."""
    trace_to(collector.url)
    assert await tracing.shutdown()
    with tracing.span("late"):
        assert tracing.inject() is None
    assert await tracing.shutdown()
    assert "late" not in collector.spans()


LAZY = """
import sys
from telemetry import emit, events, logging, metrics, tracing
emit(events.TermWon(epoch=1, reason="free"))
assert not {"prometheus_client", "opentelemetry", "loguru"} & set(sys.modules), "imported by telemetry itself"
logging.configure(instance_id="a")
metrics.configure(instance_id="a", version="1")
assert not tracing.configure(instance_id="a", version="1", environ={})
with tracing.span("x"):
    emit(events.TermWon(epoch=1, reason="free"))
assert "opentelemetry" not in sys.modules, "imported without an endpoint"
"""


def test_nothing_is_imported_before_it_is_configured() -> None:
    """An idle daemon without a collector does not carry OpenTelemetry in its memory."""
    ended = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 0, ended.stderr
