"""Grafana dashboards, Prometheus rules and alerts: data only."""
