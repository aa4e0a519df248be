#!/bin/bash
# By hand: everything under ClickHouse's data directory, into the current directory. For a consistent copy stop the
# ingestion first; tar exits with 1 when a file changes while it is read, and this script then fails.
set -euo pipefail
umask 077

NAMESPACE="signoz"
POD_NAME=$(kubectl get pods -n "$NAMESPACE" -l app.kubernetes.io/name=clickhouse -o jsonpath='{.items[0].metadata.name}')

kubectl exec -n "$NAMESPACE" "$POD_NAME" -c clickhouse -- \
  tar czf - /var/lib/clickhouse > "clickhouse-backup-$(date +%Y%m%d).tar.gz"
gzip -t "clickhouse-backup-$(date +%Y%m%d).tar.gz"
