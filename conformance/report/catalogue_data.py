"""`plumbline list --format json`: the catalogue for programs."""

from __future__ import annotations

from typing import Any

import orjson

from conformance.catalogue import Catalogue, Defect, Profile, Requirement
from conformance.kube.inventory import Match
from conformance.report.json import dumps


def write(catalogue: Catalogue) -> str:
    """`{"version": 1, "profiles": […]}`; the requirements have the names of the policy files."""
    profiles = [_profile(each) for each in catalogue.profiles.values()]
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return dumps({"version": 1, "profiles": profiles}, options).decode()


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "title": profile.title,
        "document": profile.document,
        "generic": profile.generic,
        "requirements": [_requirement(each) for each in profile.requirements],
        "defects": [_defect(each) for each in profile.defects],
    }


def _requirement(requirement: Requirement) -> dict[str, Any]:
    source, options = requirement.source, dict(requirement.options)
    return {
        "id": requirement.id,
        "title": requirement.title,
        "statement": requirement.statement,
        "why": requirement.why,
        "source": {"section": source.section, "lines": source.lines, "quote": source.quote},
        "keyword": requirement.keyword,
        "basis": requirement.basis,
        "severity": requirement.severity,
        "scope": list(requirement.scope),
        "match": _match(requirement.match),
        "require": requirement.require,
        "check": requirement.check,
        "expect": options.pop("expect", None),
        "with": options,
        "reason": requirement.reason,
        "remediation": requirement.remediation,
    }


def _match(match: Match) -> dict[str, Any]:
    """Only the parts that are given."""
    parts: dict[str, Any] = {
        "kind": list(match.kinds),
        "group": list(match.groups),
        "name": list(match.names),
        "namespace": list(match.namespaces),
        "path": list(match.paths),
        "labels": dict(match.labels),
    }
    return {name: value for name, value in parts.items() if value}


def _defect(defect: Defect) -> dict[str, Any]:
    return {
        "id": defect.id,
        "severity": defect.severity,
        "where": defect.where,
        "statement": defect.statement,
        "evidence": defect.evidence,
        "detect": defect.detect,
        "requirements": list(defect.requirements),
    }
