"""What the boards ask alike: the selectors behind their variables, quantiles and rates."""

from __future__ import annotations

from dashboards.panel import Query

JOB = 'job=~"$job"'
ONE = f'{JOB},instance=~"$instance"'
MODEL = 'model=~"$model"'
SHARES = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))


def shares(histogram: str, matchers: str = ONE, prefix: str = "") -> tuple[Query, ...]:
    """Return the median and the slow end of a histogram of all instances."""
    per_bucket = f"sum by (le) (rate({histogram}_bucket{{{matchers}}}[$__rate_interval]))"
    return tuple(Query(f"histogram_quantile({share}, {per_bucket})", f"{prefix}{legend}") for share, legend in SHARES)


def rates(metric: str, label: str, matchers: str = ONE) -> Query:
    """Return how often a counter moves, by a label; what does not happen draws no line."""
    return Query(f"sum by ({label}) (rate({metric}{{{matchers}}}[$__rate_interval])) > 0", f"{{{{{label}}}}}")


def by_model(metric: str, window: str = "", models: str = f",{MODEL}") -> str:
    """Return what every instance tells of each model, once; within a window where the metric has several."""
    within = f',window="{window}"' if window else ""
    return f"max by (model) ({metric}{{{JOB}{models}{within}}})"
