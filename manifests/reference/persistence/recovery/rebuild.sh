#!/bin/bash
# Scenario 4: the whole cluster. The order matters: claims that are made before the volumes are back get empty ones.
set -euo pipefail

SNAPSHOT="${1:?encrypted Vault snapshot}"

# Nothing is destroyed before the backups are known to be good.
ssh backup.platform.internal /opt/backup/check-backup-health.sh
for i in 0 1 2; do gzip -t "pv-backup-worker-$i.tar.gz"; done

terraform -chdir=terraform apply

# 1. StorageClass
kubectl apply -f addons/values/rancher/local-path.yaml

# 2. Data of the volumes, then the volumes: a new etcd knows nothing of them.
for i in 0 1 2; do
  multipass exec "k8s-worker-$i" -- sudo tar xzf - -C / --same-owner < "pv-backup-worker-$i.tar.gz"
done
kubectl apply -f recovery/persistent-volumes.yaml

# 3. Vault first: the others read their secrets from it.
kubectl apply -f manifests/vault/vault.yaml
helm upgrade --install vault hashicorp/vault --version 0.31.0 -n vault -f addons/values/vault/vault-values.yaml
recovery/vault-restore.sh "$SNAPSHOT"
kubectl rollout status statefulset/vault -n vault --timeout=15m

# 4. Argo CD and what it knew, then SigNoz
kubectl apply -f manifests/argocd/argocd-storage.yaml
helm upgrade --install argocd argo/argo-cd --version 10.1.1 -n argocd -f addons/values/argocd/argocd-values.yaml --wait
kubectl apply -f manifests/argocd/applications.yaml
kubectl apply -f manifests/signoz/clickhouse.yaml
helm upgrade --install signoz signoz/signoz --version 0.131.0 -n signoz -f addons/values/signoz/signoz-values.yaml --wait

kubectl get pv,pvc --all-namespaces
