"""The manifests of the nightly audit: as generated, and held to the profiles that they audit by."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from conformance import cli

AUDIT = Path(__file__).parents[1] / "manifests" / "audit"


def profiles() -> list[str]:
    jobs = yaml.safe_load((AUDIT / "cronjob.yaml").read_text())["spec"]["jobTemplate"]["spec"]
    arguments: list[str] = jobs["template"]["spec"]["containers"][0]["args"]
    return [each for each in arguments if each.startswith("--profile=")]


def test_the_role_is_the_one_that_the_job_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(profiles()) == 2
    assert cli.main(["rbac", *profiles()]) == 0
    assert (AUDIT / "clusterrole.yaml").read_text() == capsys.readouterr().out, "plumbline rbac > clusterrole.yaml"


def test_the_manifests_hold_what_they_audit_by(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(AUDIT), *profiles(), "--profile", "access", "--no-cache"]) == 0, capsys.readouterr()


def test_the_kustomization_names_every_manifest() -> None:
    named = yaml.safe_load((AUDIT / "kustomization.yaml").read_text())["resources"]
    assert {each.name for each in AUDIT.glob("*.yaml")} - {"kustomization.yaml"} == set(named)
