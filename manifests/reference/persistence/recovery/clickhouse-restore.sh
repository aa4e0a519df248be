#!/bin/bash
# Scenario 2: clickhouse-restore.sh ARCHIVE ORDINAL, once for each replica.
set -euo pipefail

ARCHIVE="${1:?archive}"
ORDINAL="${2:?ordinal}"

gzip -t "$ARCHIVE"
VOLUME=$(kubectl get pvc -n signoz "data-signoz-clickhouse-$ORDINAL" -o jsonpath='{.spec.volumeName}')
NODE=$(kubectl get pv "$VOLUME" -o jsonpath='{.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]}')
DIRECTORY=$(kubectl get pv "$VOLUME" -o jsonpath='{.spec.local.path}')

kubectl scale statefulset signoz-clickhouse -n signoz --replicas=0
kubectl wait pod -n signoz -l app.kubernetes.io/name=clickhouse --for=delete --timeout=10m

# The glob has to expand on the node, and the archive's members begin with var/lib/clickhouse.
multipass exec "$NODE" -- sudo sh -c "find '${DIRECTORY:?}' -mindepth 1 -delete"
multipass exec "$NODE" -- sudo tar xzf - -C "${DIRECTORY:?}" --strip-components=3 --same-owner < "$ARCHIVE"

kubectl scale statefulset signoz-clickhouse -n signoz --replicas=2
kubectl rollout status statefulset/signoz-clickhouse -n signoz --timeout=15m
kubectl exec -n signoz "signoz-clickhouse-0" -c clickhouse -- clickhouse-client --query \
  "SELECT database, table, sum(rows) FROM system.parts WHERE active GROUP BY database, table"
