#!/bin/bash
# Exits with 1 when any backup of the last 24 hours is missing; run hourly on the backup server, see crontab.
set -uo pipefail

status=0

# A backup is a file that is not empty; the Vault pattern leaves out anything that is not encrypted.
if [ -z "$(find /opt/backup/clickhouse -type f -name 'clickhouse-backup-*.tar.gz' -mtime -1 -size +0)" ]; then
  echo "ERROR: No ClickHouse backup in last 24 hours"
  status=1
fi

if [ -z "$(find /opt/backup/vault -type f -name 'vault-snapshot-*.gpg' -mtime -1 -size +0)" ]; then
  echo "ERROR: No Vault backup in last 24 hours"
  status=1
fi

if [ -z "$(find /opt/backup/argocd -type f -name 'applications-*.yaml' -mtime -1 -size +0)" ]; then
  echo "ERROR: No Argo CD backup in last 24 hours"
  status=1
fi

if [ "$status" -eq 0 ]; then
  echo "OK: All backups are up to date"
fi
exit "$status"
