#!/usr/bin/env bash
# First aid by type of alert, in the namespace of the application and nowhere else. What it changes it writes down as
# an event; Git is what counts afterwards: an HPA that stays raised is raised there.
#
#   auto-remediate.sh TYPE [POD or CERTIFICATE]
#
# Exit status: 0 mended, 1 tried and still unhealthy, 2 unknown type.
set -euo pipefail

TYPE=${1:-unknown}
TARGET=${2:-}
NAMESPACE=hankook-smartsensor

case $TYPE in
  pod_crash_loop)
    # Such pods have the phase Running; what waits says CrashLoopBackOff.
    CRASHING=$(kubectl -n "$NAMESPACE" get pods -o json | jq -r '.items[]
      | select(any(.status.containerStatuses[]?; .state.waiting.reason == "CrashLoopBackOff")) | .metadata.name')
    for POD in $CRASHING; do
      kubectl -n "$NAMESPACE" delete pod "$POD"
    done
    ;;
  high_memory_usage)
    kubectl -n "$NAMESPACE" patch hpa api-server-hpa -p '{"spec":{"minReplicas":5}}'
    kubectl -n "$NAMESPACE" annotate hpa api-server-hpa --overwrite \
      "smartsensor.hankook.com/incident=high_memory_usage $(date -u +%FT%TZ)"
    ;;
  database_connection_limit)
    kubectl -n "$NAMESPACE" exec postgresql-cluster-0 -c postgresql -- psql -v ON_ERROR_STOP=1 -U postgres -c \
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE state = 'idle' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
         AND state_change < now() - interval '10 minutes';"
    ;;
  disk_space_low)
    kubectl -n "$NAMESPACE" exec "${TARGET:?the pod}" -- find /var/log -type f -name "*.log" -mtime +7 -delete
    kubectl -n "$NAMESPACE" exec "$TARGET" -- find /tmp -type f -mtime +1 -delete
    ;;
  ssl_certificate_expiring)
    # An annotation renews nothing; this sets the condition Issuing.
    cmctl renew -n "$NAMESPACE" "${TARGET:?the certificate}"
    ;;
  *)
    echo "$TYPE: 수동 대응이 필요합니다." >&2
    exit 2
    ;;
esac

sleep 30
for WORKLOAD in $(kubectl -n "$NAMESPACE" get deployments,statefulsets -o name); do
  kubectl -n "$NAMESPACE" rollout status "$WORKLOAD" --timeout=300s
done
