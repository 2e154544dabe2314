"""Three hours of three instances in a second: the story that every panel must be able to tell.

a leads; at 60 min its machine freezes and b takes over (stale); at 100 min b is killed and c takes over (session_lost);
at 140 min c drains for a deploy and a, started anew, leads again (handover).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from telemetry.catalogue import BY_NAME
from telemetry.catalogue.supervisor import LOCK_EVENTS, STATES
from tests.integration.dashboards.models_history import Models
from tests.integration.dashboards.queue_history import Queue

STEP = 30
MINUTES = 180
START = 1_767_216_000
END = START + MINUTES * 60

INTERVAL, LEASE = 2.0, 10.0


@dataclass(frozen=True)
class Term:
    """One term of the story, in minutes from its beginning; `gap` seconds nobody led before it."""

    holder: str
    begin: float
    end: float
    kind: str
    reason: str
    gap: int = 0


TERMS = (
    Term("a", 0, 60, "first", "free"),
    Term("b", 60, 100, "takeover", "stale", gap=30),
    Term("c", 100, 140, "takeover", "session_lost"),
    Term("a", 140, MINUTES + 1, "handover", "free"),
)
LIVES = {"a": ("a-1f", 0, 60), "b": ("b-2e", 0, 100), "c": ("c-3d", 50, 145), "a2": ("a-4c", 110, MINUTES + 1)}
"""Processes: instance id, and the minutes in which they are scraped."""


class History:
    """Samples by series, checked against the catalogue, written as OpenMetrics."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._series: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))

    def add(self, name: str, at: int, value: float, process: str, /, **labels: str) -> None:
        """Add a sample of a metric of the catalogue, as one process shows it."""
        metric = BY_NAME[name.removesuffix("_bucket")]
        assert set(labels) - {"le"} == set(metric.label_names), name
        instance_id = LIVES[process][0]
        scraped = {"instance": f"{process[0]}:9464", "job": "vigil", "instance_id": instance_id, **labels}
        kind = {"counter": "counter", "histogram": "histogram"}.get(metric.kind, "gauge")
        self.put(name, kind, at, value, **scraped)

    def put(self, name: str, kind: str, at: int, value: float, /, **labels: str) -> None:
        """Add any sample."""
        self._kinds[name] = kind
        text = ",".join(f'{label}="{text}"' for label, text in sorted(labels.items()))
        self._series[name][text].append((at, value))

    def text(self) -> str:
        """Return the whole history."""
        return "".join(self._lines()) + "# EOF\n"

    def _lines(self) -> Iterator[str]:
        for name, series in self._series.items():
            kind = self._kinds[name]
            yield f"# TYPE {name.removesuffix('_total').removesuffix('_bucket')} {kind}\n"
            for labels, samples in series.items():
                for at, value in samples:
                    yield f"{name}{{{labels}}} {value!r} {at}\n"


def write() -> str:
    """Tell the story."""
    history = History()
    queue, models = Queue(history.add), Models(history.add)
    for at in range(START, END + 1, STEP):
        minute = (at - START) / 60
        alive = [
            process for process, (_, begin, end) in LIVES.items() if begin <= minute < end or minute == end == MINUTES
        ]
        for host in "abc":
            up = any(process[0] == host for process in alive)
            history.put("up", "gauge", at, float(up), instance=f"{host}:9464", job="vigil")
        for process in alive:
            _database(history, at, minute, process)
            _process(history, at, minute, process)
            queue.step(at, minute, process, share=1 / len(alive), leads=_leads(process, minute))
            models.step(at, minute, process, leads=_leads(process, minute))
        models.passed(minute)
        for name, labels, value in models.recorded():
            history.put(name, "gauge", at, value, job="vigil", **labels)
        late = 0.17 if 75 <= minute < 80 else 0.0
        for window, memory in (("5m", 5), ("1h", 60), ("6h", 360)):
            burnt = late if window == "5m" else late * 5 / memory + 0.0005
            history.put(f"job:bot_webhook_ack_errors:ratio_rate{window}", "gauge", at, burnt, job="vigil")
        if sum(1 for term in TERMS if term.kind == "takeover" and 0 <= minute - term.begin < 60) > 1:
            labels = {"alertname": "LockTakeoversHigh", "alertstate": "firing", "component": "lock"}
            history.put("ALERTS", "gauge", at, 1, lock="bot", severity="critical", **labels)
    return history.text()


def _database(history: History, at: int, minute: float, process: str) -> None:
    """What every instance reads from the database."""
    past = [term for term in TERMS if term.begin <= minute]
    takeovers = [term for term in past if term.kind == "takeover"]
    silent = any(term.gap and 0 <= (term.begin - minute) * 60 <= term.gap for term in TERMS)
    numbers = {
        "supervisor_lock_fencing_token": 41 + len(past),
        "supervisor_lock_heartbeat_age_seconds": 9.5 if silent else (at * 7 % 20) / 10,
        "supervisor_lock_handovers_db_total": sum(term.kind == "handover" for term in past),
        "supervisor_lock_holders": float(not silent),
    }
    for name, value in numbers.items():
        history.add(name, at, value, process, lock="bot")
    for reason in ("stale", "session_lost"):
        count = sum(term.reason == reason for term in takeovers)
        history.add("supervisor_lock_takeovers_db_total", at, count, process, lock="bot", reason=reason)
    for kind in LOCK_EVENTS:
        count = sum(term.kind == kind for term in past)
        history.add("supervisor_lock_events_db_total", at, count, process, lock="bot", kind=kind)
    for window, minutes in (("1h", 60), ("24h", 1440)):
        count = sum(minute - term.begin < minutes for term in takeovers)
        history.add("supervisor_lock_takeovers_window", at, count, process, lock="bot", window=window)
    if takeovers:
        last = START + takeovers[-1].begin * 60
        history.add("supervisor_lock_last_takeover_timestamp_seconds", at, last, process, lock="bot")
    history.add("supervisor_db_clock_offset_seconds", at, 0.004 + 0.002 * (process == "b"), process)


def _leads(process: str, minute: float) -> bool:
    """Whether a process works at this moment; one that is frozen does not, whatever it believes."""
    frozen = process == "a" and minute >= 59.5
    return not frozen and any(t.holder == process[0] and t.begin <= minute < t.end for t in TERMS)


def _process(history: History, at: int, minute: float, process: str) -> None:
    """What the process counts itself; each begins at 0."""
    leads = _leads(process, minute)
    led = (
        sum(max(0.0, min(minute, t.end) - max(t.begin, LIVES[process][1])) for t in TERMS if t.holder == process[0])
        * 60
    )
    state = "ACTIVE" if leads else "PASSIVE"
    history.add("supervisor_lock_held", at, float(leads), process, lock="bot")
    for name in STATES:
        history.add("supervisor_state", at, float(name == state), process, state=name)
    for mode in ("direct", "lease_only"):
        history.add("supervisor_lock_mode", at, float(mode == "direct"), process, lock="bot", mode=mode)
    history.add("supervisor_lock_heartbeat_interval_seconds", at, INTERVAL, process, lock="bot")
    history.add("supervisor_lock_lease_seconds", at, LEASE, process, lock="bot")
    slack = 4.9 - (3.0 if 58 < minute < 60 else (at * 3 % 10) / 25)
    history.add("supervisor_lock_margin_seconds", at, slack if leads else 0, process, lock="bot")
    beats = led / INTERVAL
    for result, share in (("ok", 0.99), ("error", 0.01), ("fenced", 0.0)):
        history.add("supervisor_lock_heartbeats_total", at, beats * share, process, lock="bot", result=result)
    for le, share in (("0.001", 0.4), ("0.005", 0.95), ("0.1", 0.995), ("2.5", 1.0), ("+Inf", 1.0)):
        name = "supervisor_lock_heartbeat_duration_seconds_bucket"
        history.add(name, at, beats * share, process, le=le, lock="bot")
    history.add("supervisor_lock_suspect_seconds_total", at, led / 600, process, lock="bot")
    for reason in ("released", "soft_deadline"):
        ended = float(process == "c" and reason == "released" and minute >= TERMS[2].end)
        history.add("supervisor_lock_terms_lost_total", at, ended, process, lock="bot", reason=reason)
    drained = 1.8 if process == "c" and minute >= TERMS[2].end else 0.0
    history.add("supervisor_drain_duration_seconds", at, drained, process)
    for child in ("telegram", "outbox"):
        restarts = float(minute // 50) if child == "outbox" else 0.0
        history.add("supervisor_child_restarts_total", at, restarts, process, child=child, reason="failed")
