"""Pipelines of the repository: whether they test, fail when they should, and leave the cluster to Git."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import pipeline
from conformance.kube.object import Document
from conformance.kube.pipeline import Step

_IMPERATIVE = re.compile(
    r"\bkubectl\s+(?:(?:-n|--namespace|--context|--kubeconfig)[= ]\S+\s+)*"
    r"(scale|set|edit|patch|annotate|run|create|expose|autoscale|rollout\s+undo)\b([^\n|;&]*)"
)
_IGNORED = re.compile(r"\|\|\s*(?:true|:|exit 0)\s*$", re.MULTILINE)
_SHA = re.compile(r"@[0-9a-f]{40}\Z|@sha256:[0-9a-f]{64}\Z")
_TRIVY = re.compile(
    r"(?m)^[^#\n]*\btrivy\s+(?:[-\w=]+\s+)*?(?:image|fs|filesystem|config|repo|repository|rootfs|k8s)\b"
)
_REPORTS = ("sarif", "cyclonedx", "spdx", "spdx-json", "github", "gitlab")


@check
def test_pipeline_declarative(document: Document) -> Iterator[Said]:
    """No pipeline changes a cluster by command: `kubectl scale`, `set`, `edit`, `patch`, `run`, `create` and the like.

    `--dry-run` makes a manifest and changes nothing, `create -f` takes one. Pipelines that create their own test
    cluster, or are named as tests, may do in it what they like. `apply`, `diff`, `get` and `wait` are no commands of
    this sort.
    """
    tests = re.search(r"test|e2e|perf|bench", posixpath.basename(document.origin.path))
    if tests or pipeline.makes_its_own_cluster(document) or not any(step.script for step in pipeline.steps(document)):
        yield NotApplicable("it runs no command, or in a cluster of its own")
        return
    for step in pipeline.steps(document):
        for found in _IMPERATIVE.finditer(step.script.replace("\\\n", " ")):
            verb, rest = " ".join(found.group(1).split()), found.group(2)
            if "--dry-run" not in rest and not (verb == "create" and re.search(r"\s(-f|--filename|-k)\b", rest)):
                yield Finding(document, step.script_path, f"changes the cluster by kubectl {verb}", "a commit")


@check
def test_pipeline_tests_fail(workflow: Document) -> Iterator[Said]:
    """A step that runs tests fails the workflow when they fail, and has the code it tests.

    Looked for are `continue-on-error` of the step or its job, `|| true`, `if: false`, and a job without a checkout.
    """
    tests = [step for step in pipeline.steps(workflow) if step.tests]
    if not tests:
        yield NotApplicable("no step runs a test runner of a known name")
    for step in tests:
        for node in (step.node, step.job):
            if node.raw.get("continue-on-error") in (True, "true"):
                yield Finding(workflow, (*node.path, "continue-on-error"), "failing tests are ignored", False, True)
            if node.raw.get("if") in (False, "false", "${{ false }}"):
                yield Finding(workflow, (*node.path, "if"), "the tests never run", "no condition", False)
        if _IGNORED.search(step.script):
            yield Finding(workflow, step.script_path, "failing tests are ignored", "no || true")
        if not any(each.brings_code for each in pipeline.steps(workflow) if each.job.path == step.job.path):
            yield Finding(workflow, (*step.job.path, "steps"), "tests without checking out the code", "a checkout")


@check
def test_pipeline_on_pull_request(workflows: list[Document]) -> Iterator[Said]:
    """Some workflow with tests runs on pull requests, and none runs proposed code with the repository's secrets.

    `merge_group` is before the merge as well, and a workflow that others call (`workflow_call`) may be. The trap is
    `pull_request_target` with a checkout of the pull request's head.
    """
    tests = [each for each in workflows if any(step.tests for step in pipeline.steps(each))]
    if not tests:
        yield NotApplicable("no workflow runs tests of a known name")
        return
    before = {"pull_request", "pull_request_target", "merge_group", "workflow_call"}
    if not any(before & pipeline.triggers(each)[1] for each in tests):
        for each in tests:
            yield Finding(each, pipeline.triggers(each)[0], "tests run only after the merge", "pull_request")
    for each in workflows:
        if "pull_request_target" in pipeline.triggers(each)[1]:
            yield from _foreign_checkouts(each)


def _foreign_checkouts(workflow: Document) -> Iterator[Finding]:
    for step in pipeline.steps(workflow):
        if "checkout" in step.uses and "github.event.pull_request.head" in str(step.node.get("with.ref", "")):
            message = "checks out proposed code in a workflow that has the repository's secrets"
            yield Finding(workflow, (*step.node.path, "with", "ref"), message, "the trigger pull_request")


@check
def test_pipeline_pinned(workflow: Document) -> Iterator[Said]:
    """Actions of others are named by a commit, and the token's permissions are said.

    Actions of GitHub (`actions/…`, `github/…`), local ones and images by digest need no commit.
    https://docs.github.com/en/actions/reference/security/secure-use
    """
    jobs = list(pipeline.github_jobs(workflow))
    if not jobs:
        yield NotApplicable("no jobs")
        return
    uses = [(each.node, each.uses) for each in pipeline.steps(workflow)]
    uses += [(job, str(job.raw["uses"])) for job in jobs if job.raw.get("uses")]
    for node, action in uses:
        if action and not action.startswith(("actions/", "github/", "./", "docker://")) and not _SHA.search(action):
            yield Finding(workflow, (*node.path, "uses"), f"{action} can be moved to other code", "a commit", action)
    if "permissions" not in workflow.raw and not all("permissions" in job.raw for job in jobs):
        yield Finding(workflow, "permissions", "does not limit the permissions of its token", "contents: read")


@check
def test_pipeline_scan_fails(document: Document) -> Iterator[Said]:
    """A scan by Trivy fails the pipeline on what it finds; it exits 0 by default.

    Runs that write a report for others to judge (SARIF, SBOM) are left alone.
    https://trivy.dev/latest/docs/configuration/others/#exit-code
    """
    scans = [step for step in pipeline.steps(document) if _is_scan(step)]
    if not scans:
        yield NotApplicable("no scan by Trivy")
    for step in scans:
        options = step.node.mapping("with") if step.uses else {}
        field = (*step.node.path, "with", "exit-code") if step.uses else step.script_path
        if str(options.get("exit-code", "0")) == "0" and "--exit-code" not in step.script:
            yield Finding(document, field, "findings do not fail the pipeline", "exit code 1", options.get("exit-code"))
        if step.node.raw.get("continue-on-error") in (True, "true"):
            yield Finding(document, (*step.node.path, "continue-on-error"), "a failing scan is ignored", False, True)


def _is_scan(step: Step) -> bool:
    if "trivy-action" in step.uses:
        options = step.node.mapping("with")
        env = step.node.mapping("env")
        return options.get("format") not in _REPORTS and "TRIVY_EXIT_CODE" not in env and "trivy-config" not in options
    return _TRIVY.search(step.script) is not None and not any(f" {each}" in step.script for each in _REPORTS)
