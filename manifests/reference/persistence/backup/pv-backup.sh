#!/bin/bash
# The volumes' directories of every worker. Databases that run meanwhile are copied as a crash would leave them.
set -euo pipefail
umask 077

for i in 0 1 2; do
  multipass exec "k8s-worker-$i" -- sudo tar czf - /opt/local-path-provisioner > "pv-backup-worker-$i.tar.gz"
  gzip -t "pv-backup-worker-$i.tar.gz"
done
