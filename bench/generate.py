"""A seeded tree of manifests: applications of eight documents, one object a file.

    python bench/generate.py 10000 OUTPUT [--seed 1] [--multi]

The same seed gives the same bytes. About one application in eight has something wrong, so that checks have findings to
locate and to print. `--multi` writes each application into one file of eight documents instead.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

ANNOTATIONS = """    example.com/description: "{words}"
    example.com/runbook: "https://runbooks.example.com/{name}/operations"
    prometheus.io/scrape: "true"
    prometheus.io/port: "9090"
"""
LABELS = """    app.kubernetes.io/name: {name}
    app.kubernetes.io/part-of: {team}
    app.kubernetes.io/version: "{version}"
"""
HEAD = """apiVersion: {api}
kind: {kind}
metadata:
  name: {name}
  namespace: {team}
  labels:
{labels}"""

DEPLOYMENT = """  annotations:
{annotations}spec:
  replicas: {replicas}
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {name}
        app.kubernetes.io/part-of: {team}
    spec:
      serviceAccountName: {name}
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: app
          image: registry.example.com/{team}/{name}:{tag}
          ports:
            - name: http
              containerPort: 8080
          envFrom:
            - configMapRef:
                name: {name}
          env:
            - name: LOG_LEVEL
              value: info
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
          readinessProbe:
            httpGet: {{path: /ready, port: http}}
            periodSeconds: 10
          livenessProbe:
            httpGet: {{path: /live, port: http}}
            periodSeconds: 20
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            privileged: {privileged}
            capabilities:
              drop: ["ALL"]
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir: {{}}
"""
SERVICE = """spec:
  type: ClusterIP
  selector:
    app.kubernetes.io/name: {name}
  ports:
    - name: http
      port: 80
      targetPort: http
"""
CONFIG_MAP = """data:
  settings.properties: |
    server.port=8080
    feature.words={words}
    team={team}
  region: "eu-central-1"
"""
PDB = """spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
"""
HPA = """spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {name}
  minReplicas: {replicas}
  maxReplicas: 10
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: 70
"""
NETWORK_POLICY = """spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: {name}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {team}
      ports:
        - protocol: TCP
          port: http
  egress:
    - to:
        - namespaceSelector: {{}}
"""
SERVICE_ACCOUNT = """automountServiceAccountToken: false
"""
INGRESS = """spec:
  ingressClassName: public
  tls:
    - hosts: [{name}.example.com]
      secretName: {name}-tls
  rules:
    - host: {name}.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {name}
                port:
                  name: http
"""
KINDS = (
    ("apps/v1", "Deployment", DEPLOYMENT),
    ("v1", "Service", SERVICE),
    ("v1", "ConfigMap", CONFIG_MAP),
    ("policy/v1", "PodDisruptionBudget", PDB),
    ("autoscaling/v2", "HorizontalPodAutoscaler", HPA),
    ("networking.k8s.io/v1", "NetworkPolicy", NETWORK_POLICY),
    ("v1", "ServiceAccount", SERVICE_ACCOUNT),
    ("networking.k8s.io/v1", "Ingress", INGRESS),
)
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "inlet", "juniper", "krill", "larch")


def application(chance: random.Random, number: int) -> list[tuple[str, str]]:
    """The eight documents of one application, as (kind, text)."""
    name = f"{chance.choice(WORDS)}-{chance.choice(WORDS)}-{number}"
    wrong = chance.random() < 0.125
    values = {
        "name": name,
        "team": f"team-{number % 40}",
        "version": f"{chance.randint(0, 9)}.{chance.randint(0, 20)}.0",
        "words": " ".join(chance.choices(WORDS, k=12)),
        "replicas": chance.randint(2, 4),
        "privileged": "true" if wrong else "false",
        "tag": "latest" if wrong else f"v{chance.randint(1, 9)}.{chance.randint(0, 30)}",
    }
    values["labels"] = LABELS.format(**values)
    values["annotations"] = ANNOTATIONS.format(**values)
    return [(kind, (HEAD + body).format(api=api, kind=kind, **values)) for api, kind, body in KINDS]


def write(objects: int, output: Path, seed: int, multi: bool) -> int:
    """Write a tree of that many objects (rounded to whole applications); returns its size in bytes."""
    chance = random.Random(seed)  # a corpus, no secret
    size = 0
    for number in range(objects // len(KINDS)):
        folder = output / f"team-{number % 40}" / f"app-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        documents = application(chance, number)
        files = [("app", "---\n".join(text for _, text in documents))] if multi else documents
        for kind, text in files:
            (folder / f"{kind.lower()}.yaml").write_text(text, encoding="utf-8")
            size += len(text)
    return size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("objects", type=int)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--multi", action="store_true")
    given = parser.parse_args()
    print(f"{write(given.objects, given.output, given.seed, given.multi) / 1e6:.1f} MB in {given.output}")
