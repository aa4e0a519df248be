#!/usr/bin/env bash
# Brings the whole system back into an empty cluster that has Velero, cert-manager and the ingress controller.
#
#   full-recovery.sh CONTEXT [latest | YYYYMMDD_HHMMSS]
#
# With a time, the newest backup of that time or before it counts, of Velero and of PostgreSQL each: the two jobs run at
# different seconds and write the time in different ways. Run it from the directory of the manifests.
set -euo pipefail

CONTEXT=${1:?the context of the cluster to recover}
UNTIL=${2:-latest}
if [ "$UNTIL" = latest ]; then
  UNTIL=99999999_999999
fi
BUCKET="s3://hankook-smartsensor-backups/postgresql"
ADDRESS=${INGRESS_ADDRESS:?the address of the ingress controller of the cluster to recover}

echo "1. the cluster"
if ! kubectl cluster-info > /dev/null || [ "$(kubectl config current-context)" != "$CONTEXT" ]; then
  echo "cannot reach $CONTEXT, or another cluster is the current one" >&2
  exit 1
fi

echo "2. the namespaces, with their labels"
kubectl apply -f namespaces.yaml
kubectl wait --for=jsonpath='{.status.phase}'=Active --timeout=120s \
  namespace/hankook-smartsensor namespace/hankook-security namespace/monitoring

echo "3. the objects and volumes, from Velero"
BACKUP_NAME=$(kubectl -n velero get backups.velero.io -l velero.io/schedule-name=hankook-smartsensor-backup \
  --sort-by=.status.startTimestamp \
  -o jsonpath='{range .items[?(@.status.phase=="Completed")]}{.metadata.name}{"\n"}{end}' |
  awk -v limit="hankook-smartsensor-backup-${UNTIL/_/}" '$1 <= limit' | tail -n 1)
if [ -z "$BACKUP_NAME" ]; then
  echo "no completed backup of the schedule" >&2
  exit 1
fi
RESTORE="recovery-$(date +%Y%m%d%H%M%S)"
velero restore create "$RESTORE" --from-backup "$BACKUP_NAME" --wait
# The command succeeds whatever became of the restore.
PHASE=$(kubectl -n velero get restores.velero.io "$RESTORE" -o jsonpath='{.status.phase}')
if [ "$PHASE" != Completed ]; then
  echo "the restore $RESTORE is $PHASE" >&2
  exit 1
fi

echo "4. the database, from its dump"
kubectl apply -f deployment/databases/postgresql-cluster.yaml
kubectl -n hankook-smartsensor rollout status statefulset/postgresql-cluster --timeout=300s
DUMP=$(aws s3 ls "$BUCKET/postgresql_backup_" | awk '{print $4}' | sort |
  awk -v limit="postgresql_backup_$UNTIL.sql.gz" '$1 <= limit' | tail -n 1)
if [ -z "$DUMP" ]; then
  echo "no dump" >&2
  exit 1
fi
aws s3 cp "$BUCKET/$DUMP" "/tmp/$DUMP"
gzip -t "/tmp/$DUMP"
# The volume came back with the database in it: loading the dump over it would double the rows or keep old ones. The
# roles came back as well.
kubectl -n hankook-smartsensor exec postgresql-cluster-0 -c postgresql -- \
  dropdb -U postgres --force --if-exists hankook_sensors
gunzip -c "/tmp/$DUMP" | sed '/^CREATE ROLE /d' |
  kubectl -n hankook-smartsensor exec -i postgresql-cluster-0 -c postgresql -- \
    psql -v ON_ERROR_STOP=1 -q -U postgres -d postgres
kubectl -n hankook-smartsensor exec postgresql-cluster-0 -c postgresql -- \
  psql -v ON_ERROR_STOP=1 -U postgres -d hankook_sensors -c "ANALYZE;"

echo "5. the pods"
for NAMESPACE in hankook-smartsensor hankook-security monitoring; do
  kubectl -n "$NAMESPACE" get deployments,statefulsets -o name |
    xargs -n 1 kubectl -n "$NAMESPACE" rollout status --timeout=600s
done

echo "6. what users see, of this cluster whatever the name server says"
curl --fail --silent --show-error --output /dev/null \
  --connect-to "api.hankook-smartsensor.com:443:$ADDRESS:443" https://api.hankook-smartsensor.com/health
curl --fail --silent --show-error --output /dev/null \
  --connect-to "hankook-smartsensor.com:443:$ADDRESS:443" https://hankook-smartsensor.com

echo "recovered from $BACKUP_NAME and $DUMP"
