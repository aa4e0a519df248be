"""Pipelines as GitHub and GitLab describe them: triggers, jobs, and the commands they run.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax and
https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.object import Node
from conformance.kube.path import Path

_TEST = re.compile(
    r"(?m)^\s*(?:[A-Z_]+=\S+\s+)*(?:\w+ run\s+|time\s+|xvfb-run\s+)?(?:npm (?:run )?test|yarn (?:run )?test|"
    r"pnpm (?:run )?test|npx (?:jest|vitest)|go test|(?:python3? -m )?pytest|tox\b|nox\b|mvnw?\b.*\b(?:test|verify)|"
    r"\./mvnw\b.*\b(?:test|verify)|(?:\./)?gradlew?\b.*\b(?:test|check)|make (?:test|check)\b|cargo (?:nextest|test)|"
    r"dotnet test|bundle exec rspec|phpunit)"
)
_OWN_CLUSTER = re.compile(
    r"\b(?:kind create cluster|k3d cluster create|minikube start|k3s\b|microk8s\b|kind-action|setup-kind|k3d-action|"
    r"setup-minikube|setup-k3s)"
)
_CODE = re.compile(r"\bgit (?:clone|checkout|fetch)\b")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job; `script` is what a shell runs, empty for an action."""

    job: Node
    node: Node
    script_path: Path
    script: str

    @property
    def uses(self) -> str:
        """The action of a GitHub step, such as `actions/checkout@v4`."""
        uses = self.node.raw.get("uses") if isinstance(self.node.raw, dict) else None
        return uses if isinstance(uses, str) else ""

    @property
    def tests(self) -> bool:
        """Whether a test runner of a known name is run."""
        return _TEST.search(self.script) is not None

    @property
    def brings_code(self) -> bool:
        """Whether the repository's code is there afterwards; a local action (`./…`) shows that it already is."""
        return (
            "checkout" in self.uses
            or "artifact" in self.uses
            or self.uses.startswith("./")
            or bool(_CODE.search(self.script))
        )


def github_jobs(workflow: Node) -> Iterator[Node]:
    """The jobs of a GitHub workflow; none for a document that is none."""
    jobs = workflow.raw.get("jobs") if isinstance(workflow.raw, dict) else None
    for name, job in jobs.items() if isinstance(jobs, dict) else ():
        if isinstance(job, dict):
            yield Node(job, ("jobs", name))


def steps(document: Node) -> Iterator[Step]:
    """Every step of a GitHub workflow, or every script of a `.gitlab-ci.yml`."""
    for job in github_jobs(document):
        for node in job.sequence("steps"):
            script = node.raw.get("run") if isinstance(node.raw, dict) else None
            yield Step(job, node, (*node.path, "run"), script if isinstance(script, str) else "")
    if isinstance(document.raw, dict) and "jobs" not in document.raw:
        for name, job in document.raw.items():
            if isinstance(job, dict):
                yield from _scripts(Node(job, (name,)))


def _scripts(job: Node) -> Iterator[Step]:
    for field in ("before_script", "script", "after_script"):
        lines = job.raw.get(field)
        for index, line in enumerate(lines if isinstance(lines, list) else ()):
            if isinstance(line, str):
                yield Step(job, job, (*job.path, field, index), line)
        if isinstance(lines, str):
            yield Step(job, job, (*job.path, field), lines)


def triggers(workflow: Node) -> tuple[Path, set[str]]:
    """Where a GitHub workflow says what starts it, and what that is.

    YAML 1.1 reads the key `on` as the boolean true, so it may have either name here.
    """
    if isinstance(workflow.raw, dict):
        for key in ("on", "true"):
            value = workflow.raw.get(key)
            if isinstance(value, str):
                return (key,), {value}
            if isinstance(value, dict | list):
                return (key,), {str(each) for each in value}
    return (), set()


def makes_its_own_cluster(document: Node) -> bool:
    """Whether a pipeline creates a cluster to test in, where commands harm nobody."""
    return any(_OWN_CLUSTER.search(step.uses) or _OWN_CLUSTER.search(step.script) for step in steps(document))
