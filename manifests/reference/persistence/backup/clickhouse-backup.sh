#!/bin/bash
# Daily backup of ClickHouse (SigNoz), run at 02:00 by manifests/backup/clickhouse-backup-cronjob.yaml.
set -euo pipefail
umask 077

BACKUP_DIR="/opt/backup/clickhouse"
RETENTION_DAYS=7
NAMESPACE="signoz"
POD="signoz-clickhouse-0"
DATE=$(date +%Y%m%d)
NAME="daily-$DATE"
ARCHIVE="$BACKUP_DIR/clickhouse-backup-$DATE.tar.gz"

in_tool() {
  kubectl exec -n "$NAMESPACE" "$POD" -c clickhouse-backup -- "$@"
}

# What a failed run leaves must not pass for a backup tomorrow.
trap 'rm -f "$ARCHIVE.part"' EXIT

kubectl exec -n "$NAMESPACE" "$POD" -c clickhouse-backup -- clickhouse-backup create "$NAME"

# The tool writes to the volume that it backs up: only what leaves the pod is a backup.
in_tool tar czf - -C /var/lib/clickhouse/backup "$NAME" > "$ARCHIVE.part"
gzip -t "$ARCHIVE.part"
mv "$ARCHIVE.part" "$ARCHIVE"
in_tool clickhouse-backup delete local "$NAME"

# The claims' manifests: no data, but a rebuild needs them.
kubectl get pvc -n "$NAMESPACE" -o json > "$BACKUP_DIR/pvc-$(date +%Y%m%d).json"
jq -e '.items | length > 0' "$BACKUP_DIR/pvc-$DATE.json" > /dev/null

# Reached only when everything above succeeded. -mtime +7 deletes what is at least eight days old.
find "${BACKUP_DIR:?}" -mindepth 1 -type f -mtime +"$RETENTION_DAYS" -delete
