"""The metrics of the kernel: the process, the lock, the children, the database, telemetry itself."""

from __future__ import annotations

from telemetry.catalogue.base import Label, Metric

LOCK = Label("lock", ("bot",))
CHILD = Label("child")
TABLE = Label("table", ("inbox", "outbox"))
_FAST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)

STATES = ("STARTING", "PASSIVE", "CLAIMING", "ACTIVE", "SUSPECT", "DRAINING", "RELEASED", "DEMOTED")
TERM_REASONS = ("free", "stale", "session_lost", "self")
LOSS_REASONS = (
    "released",
    "soft_deadline",
    "fenced",
    "drain",
    "stalled",
    "suspended",
    "misconfigured",
    "error",
)
LOCK_EVENTS = ("first", "handover", "takeover", "reclaim", "release", "demotion", "fencing", "break")
PHASES = ("ingress", "workload", "pools", "lease", "flush", "postgresql")

PROCESS = (
    Metric(
        "supervisor_build_info",
        "info",
        "The running build; always 1.",
        (Label("version"), Label("python")),
    ),
    Metric("supervisor_ready", "gauge", "1 while this instance can durably accept an update."),
    Metric("supervisor_role", "state", "The role of this instance.", (Label("role", ("ACTIVE", "PASSIVE")),)),
    Metric("supervisor_state", "state", "The lock state of this instance.", (Label("state", STATES),)),
    Metric(
        "supervisor_shutdown_phase_seconds",
        "gauge",
        "How long each phase of the shutdown under way took.",
        (Label("phase", PHASES),),
    ),
    Metric("supervisor_drain_duration_seconds", "gauge", "How long the last drain of the workload took."),
    Metric(
        "supervisor_event_loop_lag_seconds",
        "histogram",
        "How much later than asked the main loop woke up.",
        buckets=_LAG_SECONDS,
    ),
    Metric("supervisor_event_loop_lag_max_seconds", "gauge", "The worst loop lag of the last minute."),
    Metric("supervisor_event_loop_stalls_total", "counter", "Stalls of the main loop of more than two seconds."),
)

LEADERSHIP = (
    Metric("supervisor_lock_held", "gauge", "1 while this instance holds the lock.", (LOCK,)),
    Metric("supervisor_epoch", "gauge", "The epoch of the term this instance holds; 0 without one."),
    Metric(
        "supervisor_lock_heartbeats_total",
        "counter",
        "Heartbeats of the lease, by result.",
        (LOCK, Label("result", ("ok", "error", "fenced"))),
    ),
    Metric(
        "supervisor_lock_heartbeat_duration_seconds",
        "histogram",
        "How long a heartbeat took, from sending to the answer.",
        (LOCK,),
        _FAST_SECONDS,
    ),
    Metric(
        "supervisor_lock_terms_total",
        "counter",
        "Terms won by this process, by why the lock could be claimed.",
        (LOCK, Label("reason", TERM_REASONS)),
    ),
    Metric(
        "supervisor_lock_terms_lost_total",
        "counter",
        "Terms ended in this process, by reason.",
        (LOCK, Label("reason", LOSS_REASONS)),
    ),
    Metric("supervisor_lock_suspects_total", "counter", "Losses of the control session during a term.", (LOCK,)),
    Metric(
        "supervisor_lock_suspect_seconds_total",
        "counter",
        "Time spent in a term without its control session; no outside effect starts in it.",
        (LOCK,),
    ),
    Metric(
        "supervisor_lock_margin_seconds",
        "gauge",
        "The least time that was left to the soft deadline when a heartbeat was acknowledged, in the last minute.",
        (LOCK,),
    ),
    Metric(
        "supervisor_lock_mode",
        "state",
        "How this instance reaches the lock: direct, or lease_only behind a pooler in transaction mode.",
        (LOCK, Label("mode", ("direct", "lease_only"))),
    ),
    Metric(
        "supervisor_lock_heartbeat_interval_seconds",
        "gauge",
        "Every how long a holder with the settings of this instance renews the lease.",
        (LOCK,),
    ),
    Metric(
        "supervisor_lock_lease_seconds",
        "gauge",
        "How long a silent lease is watched, with the settings of this instance, before it may be taken over.",
        (LOCK,),
    ),
)

CHILDREN = (
    Metric("supervisor_child_up", "gauge", "1 while the child is ready.", (CHILD,)),
    Metric(
        "supervisor_child_restarts_total",
        "counter",
        "Restarts of a child, by why it ended.",
        (CHILD, Label("reason", ("failed", "returned", "not_ready", "requested"))),
    ),
    Metric("supervisor_child_give_ups_total", "counter", "Children whose restart budget ran out.", (CHILD,)),
    Metric("supervisor_child_unstopped_total", "counter", "Children that did not stop in time.", (CHILD,)),
)

DATABASE = (
    Metric("supervisor_database_up", "gauge", "1 while the database answers this instance."),
    Metric("supervisor_database_losses_total", "counter", "How often the database was lost after it had answered."),
    Metric(
        "supervisor_migrations",
        "gauge",
        "Migrations by state, as this build sees them.",
        (Label("state", ("applied", "pending", "failed", "drifted")),),
    ),
)

TELEMETRY = (
    Metric(
        "supervisor_telemetry_errors_total",
        "counter",
        "Events that a sink could not take; emitting never raises.",
        (Label("sink", ("metrics", "log", "span", "recorder")),),
        source="telemetry",
    ),
    Metric(
        "supervisor_log_lines_total",
        "counter",
        "Log lines written, by level.",
        (Label("level", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),),
        source="telemetry",
    ),
    Metric(
        "supervisor_spans_total",
        "counter",
        "Spans kept, by whether the collector took them.",
        (Label("result", ("sent", "failed")),),
        source="telemetry",
    ),
)

STORED = (
    Metric(
        "supervisor_db_snapshot_age_seconds",
        "gauge",
        "Age of the snapshot that the database metrics are read from.",
        source="database",
    ),
    Metric(
        "supervisor_lock_takeovers_window",
        "gauge",
        "Unplanned takeovers within the window, from the lock's event rows.",
        (LOCK, Label("window", ("1h", "24h"))),
        source="database",
    ),
    Metric(
        "supervisor_lock_takeovers_db_total",
        "counter",
        "Unplanned takeovers ever, by reason.",
        (LOCK, Label("reason", ("stale", "session_lost"))),
        source="database",
    ),
    Metric(
        "supervisor_lock_handovers_db_total",
        "counter",
        "Planned handovers ever; a handover is not a takeover.",
        (LOCK,),
        source="database",
    ),
    Metric(
        "supervisor_lock_heartbeat_age_seconds",
        "gauge",
        "Age of the holder's last heartbeat on the database's clock.",
        (LOCK,),
        source="database",
    ),
    Metric("supervisor_lock_fencing_token", "gauge", "The current epoch of the lock.", (LOCK,), source="database"),
    Metric(
        "supervisor_lock_events_db_total",
        "counter",
        "Entries of the lock's event log ever, by kind.",
        (LOCK, Label("kind", LOCK_EVENTS)),
        source="database",
    ),
    Metric(
        "supervisor_lock_holders",
        "gauge",
        "1 while the lease is held and not expired on the database's clock, else 0.",
        (LOCK,),
        source="database",
    ),
    Metric(
        "supervisor_lock_last_takeover_timestamp_seconds",
        "gauge",
        "When the last unplanned takeover happened, on the database's clock; absent if there was none.",
        (LOCK,),
        source="database",
    ),
    Metric(
        "supervisor_db_clock_offset_seconds",
        "gauge",
        "How far the database's clock is ahead of this host's; differs between instances.",
        source="database",
    ),
    Metric(
        "supervisor_table_bytes",
        "gauge",
        "Size of a queue's table with its indexes.",
        (TABLE,),
        source="database",
    ),
    Metric(
        "supervisor_table_dead_rows",
        "gauge",
        "Row versions that vacuum has still to remove, as the server estimates them.",
        (TABLE,),
        source="database",
    ),
    Metric(
        "supervisor_db_oldest_transaction_seconds",
        "gauge",
        "Age of the oldest open transaction that this user may see; vacuum removes nothing that is younger.",
        source="database",
    ),
)

METRICS = (*PROCESS, *LEADERSHIP, *CHILDREN, *DATABASE, *TELEMETRY, *STORED)
