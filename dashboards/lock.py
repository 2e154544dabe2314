"""The dashboard Lock & failover: whether there is exactly one ACTIVE, how safely, and how the lock changed hands."""

from __future__ import annotations

from dashboards.board import Board, Row
from dashboards.expression import JOB, ONE
from dashboards.panel import Query, bars, series, stat, table

ACTIVES = f"sum(max by (instance_id) (supervisor_lock_held{{{JOB}}}))"
HEARTBEAT = "supervisor_lock_heartbeat_duration_seconds_bucket"
AGE = f"min by (lock) (supervisor_lock_heartbeat_age_seconds{{{JOB}}})"
BEAT = f"max by (lock) (supervisor_lock_heartbeat_interval_seconds{{{JOB}}})"
LEASE = f"max by (lock) (supervisor_lock_lease_seconds{{{JOB}}})"
STATE = f"supervisor_state{{{ONE}}} == 1"
MODE = f"supervisor_lock_mode{{{ONE}}} == 1"
SAME = "on (instance, instance_id)"

BROKEN = Row(
    "Is it broken?",
    (
        stat(
            "ACTIVE instances",
            "Exactly one must be ACTIVE. 0: nobody works on updates. 2: see the runbook of SplitBrain.",
            "none",
            f"{ACTIVES} or 0 * count(up{{{JOB}}})",
            ((None, "red"), (1, "green"), (2, "red")),
        ),
        stat(
            "Lock alerts firing",
            "Alerts of the component lock; each has a section in runbooks.md.",
            "none",
            'count(ALERTS{alertstate="firing",component="lock"}) or vector(0)',
            ((None, "green"), (1, "red")),
        ),
        stat(
            "Unplanned takeovers, 1 h",
            "Counted by the database within the last hour; planned handovers are none. From 2 on LockTakeoversHigh fires.",
            "none",
            f'max(supervisor_lock_takeovers_window{{{JOB},window="1h"}})',
            ((None, "green"), (1, "orange"), (2, "red")),
        ),
        stat(
            "Since the last takeover",
            "How long nobody has been replaced without a plan.",
            "s",
            f"time() - max(supervisor_lock_last_takeover_timestamp_seconds{{{JOB}}})",
            ((None, "orange"), (3600, "green")),
            noValue="never",
            decimals=1,
        ),
        stat(
            "Heartbeat age, in intervals",
            "Age of the holder's last heartbeat on the database's clock, as a multiple of the interval of its profile. "
            "From 2 on LockHeartbeatStale fires.",
            "suffix: ×",
            f"{AGE} / {BEAT}",
            ((None, "green"), (2, "orange"), (5, "red")),
            noValue="no holder",
            decimals=1,
        ),
        stat(
            "Exactly one ACTIVE",
            "Share of the shown time in which exactly one instance was ACTIVE; a target that is down counts as none.",
            "percentunit",
            f"avg_over_time((({ACTIVES} or 0 * count(up{{{JOB}}})) == bool 1)[$__range:30s])",
            ((None, "red"), (0.99, "orange"), (0.999, "green")),
            decimals=3,
        ),
    ),
)

LEADERS = Row(
    "Who leads",
    (
        series(
            "Holder",
            "1 while the instance holds the lock. Two lines at 1 for more than a scrape are a split brain.",
            "none",
            Query(f"max by (instance_id) (supervisor_lock_held{{{ONE}}})", "{{instance_id}}"),
            steps=True,
            max=1.2,
            decimals=0,
        ),
        series(
            "Epoch",
            "The fencing token. It grows by one with every term; a steep staircase is a takeover loop.",
            "none",
            Query(f"max by (lock) (supervisor_lock_fencing_token{{{JOB}}})", "{{lock}}"),
            steps=True,
            width=6,
            min=None,
            decimals=0,
        ),
        table(
            "Instances",
            "Lock state of every scraped instance, and how it reaches the lock; lease_only means a pooler is in between.",
            f"max by (instance_id, state, mode) ((({STATE}) * {SAME} group_left (mode) ({MODE})) or {SAME} ({STATE}))",
            columns={"instance_id": "Instance", "state": "State", "mode": "Mode"},
            width=6,
        ),
    ),
)

HEARTBEATS = Row(
    "Heartbeat",
    (
        series(
            "Heartbeat age",
            "On the database's clock, as the freshest instance sees it. Between the two straight lines the holder is "
            "late, above the upper one a standby takes over.",
            "s",
            Query(AGE, "age"),
            Query(f"2 * {BEAT}", "stale"),
            Query(LEASE, "lease over"),
            colours={"age": "green", "stale": "orange", "lease over": "red"},
        ),
        series(
            "Margin to the soft deadline",
            "The least that was left when a heartbeat was acknowledged. At 0 the term ends; a falling line warns of it.",
            "s",
            Query(
                f"min by (instance_id) (supervisor_lock_margin_seconds{{{ONE}}} and {SAME} (supervisor_lock_held{{{ONE}}} == 1))",
                "{{instance_id}}",
            ),
            limits=((None, "red"), (0.5, "green")),
        ),
        series(
            "Heartbeats by result",
            "Renewed, failed, refused because another term has begun.",
            "ops",
            Query(f"sum by (result) (rate(supervisor_lock_heartbeats_total{{{ONE}}}[$__rate_interval]))", "{{result}}"),
            colours={"ok": "green", "error": "orange", "fenced": "red"},
        ),
        series(
            "Heartbeat duration",
            "From sending to the answer of the database.",
            "s",
            *(
                Query(
                    f"histogram_quantile({share}, sum by (le) (rate({HEARTBEAT}{{{ONE}}}[$__rate_interval])))", legend
                )
                for share, legend in ((0.5, "p50"), (0.99, "p99"))
            ),
        ),
    ),
)

HANDS = Row(
    "Changing hands",
    (
        series(
            "Unplanned takeovers within an hour",
            "The number that LockTakeoversHigh watches, with its limit.",
            "none",
            Query(f'max by (window) (supervisor_lock_takeovers_window{{{JOB},window="1h"}})', "within 1 h"),
            steps=True,
            limits=((None, "green"), (2, "red")),
            decimals=0,
        ),
        bars(
            "What happened in the shown time",
            "Entries of the lock's event log. Handover and release are planned; reclaim is the same instance again.",
            "none",
            Query(
                f"round(increase(max by (reason) (supervisor_lock_takeovers_db_total{{{JOB}}})[$__range:1m]))",
                "takeover: {{reason}}",
                instant=True,
            ),
            Query(
                'round(increase(max by (kind) (supervisor_lock_events_db_total{kind!="takeover",'
                f"{JOB}}})[$__range:1m]))",
                "{{kind}}",
                instant=True,
            ),
        ),
        series(
            "Time suspended",
            "Share of the time in which the holder was without its control session and started no effect.",
            "percentunit",
            Query(
                f"sum by (instance_id) (rate(supervisor_lock_suspect_seconds_total{{{ONE}}}[$__rate_interval]))",
                "{{instance_id}}",
            ),
            width=8,
        ),
        series(
            "Drain",
            "How long the last drain of the workload took, before the lock was given back.",
            "s",
            Query(f"max by (instance_id) (supervisor_drain_duration_seconds{{{ONE}}})", "{{instance_id}}"),
            width=8,
            steps=True,
        ),
        series(
            "Terms ended, by reason",
            "As the processes tell it; one that was killed tells nothing.",
            "none",
            Query(
                f"sum by (reason) (increase(supervisor_lock_terms_lost_total{{{ONE}}}[$__rate_interval]))", "{{reason}}"
            ),
            width=8,
        ),
    ),
)

AROUND = Row(
    "Around it",
    (
        series(
            "Restarts of children",
            "Children restart before an instance loses the lock; who does so again and again is the place to look.",
            "none",
            Query(
                f"sum by (child) (increase(supervisor_child_restarts_total{{{ONE}}}[$__rate_interval]))", "{{child}}"
            ),
        ),
        series(
            "Clock of the database ahead of the host's",
            "No takeover hangs on it, but times in logs and in the database differ by it.",
            "s",
            Query(f"max by (instance_id) (supervisor_db_clock_offset_seconds{{{ONE}}})", "{{instance_id}}"),
            min=None,
        ),
    ),
)

BOARD = Board(
    "vigil-lock",
    "Lock & failover",
    "Exactly one ACTIVE: who it is, how close it is to losing the lock, and how the lock changed hands.",
    (BROKEN, LEADERS, HEARTBEATS, HANDS, AROUND),
)
