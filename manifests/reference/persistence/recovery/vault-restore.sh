#!/bin/bash
# Scenario 3 on empty volumes: vault-restore.sh SNAPSHOT.gpg. The three custodians are asked for their keys; nothing of
# them is written down. A sealed or uninitialised Vault refuses a restore, so a temporary key comes first.
set -euo pipefail
umask 077

SNAPSHOT="${1:?encrypted snapshot}"

kubectl wait pod -n vault vault-0 --for=jsonpath='{.status.phase}'=Running --timeout=5m
INIT=$(kubectl exec -n vault vault-0 -- vault operator init -key-shares=1 -key-threshold=1 -format=json)
jq -r '.unseal_keys_b64[0]' <<< "$INIT" | kubectl exec -i -n vault vault-0 -- sh -c 'vault operator unseal "$(cat)"'

gpg --decrypt "$SNAPSHOT" | kubectl exec -i -n vault vault-0 -- sh -c 'cat > /tmp/restore'
jq -r '.root_token' <<< "$INIT" \
  | kubectl exec -i -n vault vault-0 -- sh -c 'VAULT_TOKEN=$(cat) vault operator raft snapshot restore -force /tmp/restore'
kubectl exec -n vault vault-0 -- rm -f /tmp/restore
unset INIT

# Vault seals itself, but asks for one key, as many as the temporary Vault had, until it is started again.
kubectl delete pod -n vault vault-0
kubectl wait pod -n vault vault-0 --for=create --timeout=1m
kubectl wait pod -n vault vault-0 --for=jsonpath='{.status.phase}'=Running --timeout=5m

# From here on the original keys count again, three different ones for every pod.
for pod in vault-0 vault-1 vault-2; do
  for share in 1 2 3; do
    echo "$pod: key $share of 3"
    kubectl exec -it -n vault "$pod" -- vault operator unseal
  done
done
kubectl exec -n vault vault-0 -- vault status
