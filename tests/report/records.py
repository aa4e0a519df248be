"""Reports written by hand for the tests of the writers."""

from __future__ import annotations

from typing import Any

from conformance.report.record import (
    ErrorRecord,
    FindingRecord,
    LocationRecord,
    ObjectRecord,
    Report,
    ResultRecord,
    SourceRecord,
    report,
)

#: everything that breaks naive writers: XML controls, a terminal's clear-screen, markup, a table's and a link's end, an
#: order-reversing override, a non-character, emoji, and a file name that was no UTF-8
NASTY = "a\x00b\x1b[2J <b>&amp;</b> ]]> | `tick` ``two`` ](http://x) \u202egnp\ufffe 🦊 \udcff\r\nnext\tline"


def where(path: str = "manifests/storage.yaml", line: int = 4, column: int = 1, via: str = "") -> LocationRecord:
    location = LocationRecord(path=path, line=line, column=column)
    if via:
        location["via"] = via
    return location


def who(kind: str = "StorageClass", name: str = "local-path", namespace: str | None = "") -> ObjectRecord:
    return ObjectRecord(apiVersion="storage.k8s.io/v1", kind=kind, namespace=namespace, name=name)


def finding(**given: Any) -> FindingRecord:
    base = FindingRecord(
        object=who(),
        field="reclaimPolicy",
        message="data is deleted with the claim",
        expected="Retain",
        observed="Delete",
        location=where(),
        waived="",
        fingerprint="0123456789abcdef0123",
    )
    return {**base, **given}  # type: ignore[typeddict-item]


def error(**given: Any) -> ErrorRecord:
    base = ErrorRecord(object=None, field="", reason="document: no mapping", location=where("apps/x.yaml", 12, 3))
    return {**base, **given}  # type: ignore[typeddict-item]


def result(**given: Any) -> ResultRecord:
    """A requirement that holds; `findings` or `errors` alone do not change its outcome."""
    base = ResultRecord(
        id="persistence-storageclass-retain",
        profile="persistence",
        title="Deleting a claim does not delete its data",
        statement="StorageClass local-path MUST have reclaimPolicy Retain.",
        keyword="MUST",
        severity="critical",
        outcome="passed",
        evaluated=1,
        reason="",
        seconds=0.0125,
        check="reclaim_policy",
        remediation="Re-create the StorageClass with reclaimPolicy Retain; bound volumes keep theirs.",
        source=SourceRecord(
            document="Persistence guide", section="1. StorageClass", lines="11-20", quote="reclaimPolicy: Retain"
        ),
        findings=[],
        errors=[],
    )
    return {**base, **given}  # type: ignore[typeddict-item]


def run(*results: ResultRecord, objects: int = 12, **target: Any) -> Report:
    made = report({"kind": "manifests", "paths": ["manifests"], **target}, results, objects, 1.234)
    made["tool"]["version"] = "0.0.0"
    return made


def clean() -> Report:
    return run(result(), result(id="persistence-vault-storage", severity="high"), objects=1204)


def empty() -> Report:
    """Files could be read, and nothing in them concerned any requirement."""
    reason = "no StorageClass local-path among 0 objects"
    read = result(id="sources-documents-load", profile="sources", evaluated=3)
    idle = [result(id=f"persistence-idle-{n}", outcome="skipped", evaluated=0, reason=reason) for n in range(3)]
    return run(read, *idle, objects=0)


def mixed() -> Report:
    """Every outcome, several severities, findings with and without a place."""
    return run(
        result(outcome="failed", findings=[finding(), finding(object=None, location=None, field="", message="none")]),
        result(
            id="gitops-image-tag",
            profile="gitops",
            title="Images are pinned",
            severity="high",
            outcome="failed",
            evaluated=9,
            findings=[
                finding(
                    object=who("Deployment", f"web-{n}", "shop"),
                    field="spec.template.spec.containers[0].image",
                    message="the tag can be moved",
                    expected="a digest",
                    observed="nginx:latest",
                    location=where(f"apps/web {n}.yaml", 20 + n, 9, via="rendered by overlays/prod"),
                    fingerprint=f"{n:020x}",
                )
                for n in range(8)
            ],
        ),
        result(
            id="sources-documents-load",
            profile="sources",
            title="Every document can be read",
            outcome="error",
            errors=[error(), error(reason="chart: helm failed:\nno such chart", location=where("charts/a", 0, 0))],
        ),
        result(
            id="gitops-probes-liveness",
            profile="gitops",
            title="Containers have a liveness probe",
            keyword="SHOULD",
            severity="low",
            outcome="warned",
            findings=[finding(location=where("apps/a.yaml", 7, 5), message="no probe", expected="", observed="")],
        ),
        result(
            id="persistence-backup-offsite",
            severity="medium",
            outcome="waived",
            findings=[finding(waived="moving in May (until 2027-06-01, ops@example.com)")],
        ),
        result(id="persistence-restore-drill", outcome="skipped", evaluated=0, check="", reason="not checked: a drill"),
        result(id="persistence-vault-audit", outcome="skipped", evaluated=0, reason="no StatefulSet vault"),
        result(id="persistence-held", evaluated=3),
    )


def nasty() -> Report:
    """Foreign text in every place that a repository can fill."""
    bad = finding(
        object=ObjectRecord(apiVersion=NASTY, kind=NASTY, namespace=NASTY, name=NASTY),
        field=NASTY,
        message=NASTY,
        expected=NASTY,
        observed=NASTY,
        location=where(f"über uns/{NASTY}.yaml", 3, 2, via=NASTY),
    )
    source = SourceRecord(document=NASTY, section=NASTY, lines="11-20", quote=NASTY)
    texts: dict[str, Any] = {"title": NASTY, "statement": NASTY, "remediation": NASTY, "source": source}
    return run(
        result(outcome="failed", findings=[bad], **texts),
        result(id="persistence-b", outcome="error", errors=[error(reason=NASTY, field=NASTY)], target=NASTY, **texts),
        result(id="persistence-c", outcome="waived", findings=[{**bad, "waived": NASTY}], **texts),
        result(id="persistence-d", outcome="warned", findings=[bad], **texts),
        result(id="persistence-e", outcome="skipped", reason=NASTY, **texts),
        paths=[f"über uns/{NASTY}"],
    )


def huge(number: int = 10_000) -> Report:
    findings = [
        finding(
            object=who("Deployment", f"web-{n}", "shop"),
            location=where(f"apps/{n}.yaml", 3, 1),
            fingerprint=f"{n:020x}",
        )
        for n in range(number)
    ]
    return run(result(outcome="failed", evaluated=number, findings=findings), objects=number)
