#!/bin/sh
# Prometheus and Alertmanager beside a running `make run`, on the loopback, until Ctrl-C or until one of them ends.
set -eu
cd "${0%/*}/.."
alertmanager=$(command -v prometheus-alertmanager || command -v alertmanager || true)
prometheus=$(command -v prometheus || true)
if [ -z "$alertmanager" ] || [ -z "$prometheus" ]; then
  echo "observe: prometheus and alertmanager are not on PATH" >&2
  echo "Try: install both (Debian: apt-get install prometheus prometheus-alertmanager)" >&2
  exit 69
fi
data=${VIGIL_HOME:-.vigil}/observe
mkdir -p "$data"
"$alertmanager" --config.file=dashboards/alertmanager.yml --storage.path="$data/alertmanager" \
  --web.listen-address=127.0.0.1:9093 --cluster.listen-address= --log.level=warn &
alerts=$!
"$prometheus" --config.file=dashboards/prometheus.yml --storage.tsdb.path="$data/prometheus" \
  --web.listen-address=127.0.0.1:9090 --enable-feature=exemplar-storage --log.level=warn &
series=$!
trap 'kill "$alerts" "$series" 2>/dev/null; wait' EXIT
trap 'exit 0' INT TERM
echo "Prometheus    http://127.0.0.1:9090  (alerts: /alerts)"
echo "Alertmanager  http://127.0.0.1:9093"
while kill -0 "$alerts" 2>/dev/null && kill -0 "$series" 2>/dev/null; do sleep 1; done
exit 1
