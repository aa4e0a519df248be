#!/bin/bash
# An image for the drill etcd-restored on machines that reach package registries only: etcdctl and etcdutl, built by Go.
# Elsewhere registry.k8s.io/etcd does. Needs Docker and Go 1.24.
#   local/etcd:3.6.5  in the role of registry.k8s.io/etcd:3.6.5-0
set -euo pipefail

docker image inspect local/etcd:3.6.5 >/dev/null 2>&1 && exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > go.mod <<'MODULE'
module local
go 1.24
require (
  go.etcd.io/etcd/etcdctl/v3 v3.6.5
  go.etcd.io/etcd/etcdutl/v3 v3.6.5
)
MODULE
printf '//go:build tools\npackage tools\nimport (\n _ "go.etcd.io/etcd/etcdctl/v3"\n _ "go.etcd.io/etcd/etcdutl/v3"\n)\n' > tools.go
go mod tidy
mkdir image
for program in etcdctl etcdutl; do
  CGO_ENABLED=0 go build -ldflags '-s -w' -o "image/$program" "go.etcd.io/etcd/$program/v3"
done
printf 'FROM scratch\nCOPY etcdctl etcdutl /usr/local/bin/\n' > image/Dockerfile
DOCKER_BUILDKIT=0 docker build --quiet --tag local/etcd:3.6.5 image
