#!/bin/bash
# Daily export of Argo CD, run by manifests/backup/argocd-backup-cronjob.yaml.
set -euo pipefail
umask 077

BACKUP_DIR="/opt/backup/argocd"
RETENTION_DAYS=7
DATE=$(date +%Y%m%d)
RECIPIENT="4F1C9A7E2B6D8035E1A4C7F90B2D6E8A3C5F7081"

gpg --batch --quiet --import /etc/backup/recovery.pub.asc

kubectl get applications.argoproj.io -n argocd -o yaml > "$BACKUP_DIR/applications-$DATE.yaml"
kubectl get appprojects.argoproj.io -n argocd -o yaml > "$BACKUP_DIR/appprojects-$DATE.yaml"

# Credentials, argocd-cm, argocd-rbac-cm and ApplicationSets: without them a new Argo CD cannot sync.
argocd admin export -n argocd \
  | gpg --batch --trust-model always --encrypt --recipient "$RECIPIENT" > "$BACKUP_DIR/argocd-export-$DATE.yaml.gpg"

find "${BACKUP_DIR:?}" -mindepth 1 -type f -mtime +"$RETENTION_DAYS" -delete
