#!/bin/bash
# Daily Raft snapshot of Vault, run by manifests/backup/vault-backup-cronjob.yaml. No plaintext is ever written here.
set -euo pipefail
umask 077

BACKUP_DIR="/opt/backup/vault"
RETENTION_DAYS=7
DATE=$(date +%Y%m%d-%H%M%S)
SNAPSHOT="/tmp/vault-snapshot-$DATE"
TARGET="$BACKUP_DIR/vault-snapshot-$DATE.gpg"
# Fingerprint of the recovery key. Its private half is offline, with the unseal keys' custodians.
RECIPIENT="4F1C9A7E2B6D8035E1A4C7F90B2D6E8A3C5F7081"

cleanup() {
  kubectl exec -n vault vault-0 -- rm -f "$SNAPSHOT"
  rm -f "$TARGET.part"
}
trap cleanup EXIT

gpg --batch --quiet --import /etc/backup/recovery.pub.asc

# The token goes in by standard input, so that no process list shows it. Its policy allows snapshots and nothing else.
kubectl exec -i -n vault vault-0 -- \
  sh -c "VAULT_TOKEN=\$(cat) vault operator raft snapshot save $SNAPSHOT" < "${SNAPSHOT_TOKEN_FILE:?}"

kubectl exec -n vault vault-0 -- cat "$SNAPSHOT" \
  | gpg --batch --trust-model always --encrypt --recipient "$RECIPIENT" > "$TARGET.part"
test -s "$TARGET.part"
mv "$TARGET.part" "$TARGET"

find "${BACKUP_DIR:?}" -mindepth 1 -type f -name 'vault-snapshot-*.gpg' -mtime +"$RETENTION_DAYS" -delete
