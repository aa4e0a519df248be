"""The commands as a person types them: real processes, exit codes, what is printed where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROFILE = """\
name: house
title: House rules
document: House rules
"""
RULES = """\
- id: house-two-replicas
  title: Two of everything
  statement: A Deployment MUST have two replicas or more.
  source: {section: "1", lines: "3-4", quote: two}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [manifests]
  match: {kind: Deployment}
  check: declared
  expect: {spec: {replicas: {at_least: 2}}}
  remediation: Raise spec.replicas.
- id: house-team-label
  title: Everything has an owner
  statement: A Deployment SHOULD have a team label.
  source: {section: "2"}
  keyword: SHOULD
  basis: explicit
  severity: low
  scope: [manifests, cluster]
  match: {kind: Deployment}
  check: declared
  expect: {metadata: {labels: {team: {present: true}}}}
  remediation: Add metadata.labels.team.
- id: house-on-call
  title: Somebody is called
  statement: Somebody MUST be called.
  source: {section: "3"}
  keyword: MUST
  basis: explicit
  severity: low
  scope: [manifests]
  check: null
  reason: it takes a telephone
  remediation: Call.
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: shop
  labels: {{app: a{team}}}
spec:
  replicas: {replicas}
"""


def command(*arguments: str | Path, cwd: Path, module: str = "conformance.cli") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PLUMBLINE_", "COV_"))}
    environment["XDG_CACHE_HOME"] = str(cwd / ".cache")
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a profile of its own, one Deployment that is right and one that is wrong twice."""
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "profile.yaml").write_text(PROFILE)
    (tmp_path / "house" / "rules.yaml").write_text(RULES)
    for name, replicas, team in (("good", 2, ", team: t"), ("bad", 1, "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(DEPLOYMENT.format(name=name, replicas=replicas, team=team))
    return tmp_path


def check(place: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return command("check", "--policies", "house", "--profile", "house", *arguments, cwd=place)


def outcomes(place: Path, *arguments: str | Path) -> dict[str, str]:
    """Outcome of each requirement, from the JSON report."""
    done = check(place, "--report", "json=out.json", *arguments)
    assert done.returncode in (0, 1, 5), done.stderr
    report = json.loads((place / "out.json").read_bytes())
    return {each["id"]: each["outcome"] for each in report["results"]}


def test_what_holds_exits_with_0(place: Path) -> None:
    done = check(place, "good")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "house-two-replicas" not in done.stdout
    assert done.stderr == ""


def test_findings_exit_with_1_and_name_the_line(place: Path) -> None:
    done = check(place, "bad")
    assert done.returncode == 1
    assert "bad/a.yaml:8" in done.stdout
    assert "house-two-replicas" in done.stdout


def test_nothing_to_judge_exits_with_5(place: Path) -> None:
    (place / "empty").mkdir()
    assert check(place, "empty").returncode == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such file or directory"),
        (["good", "--profile", "hose"], "--profile hose: there is no such profile"),
        (["good", "--fail-on", "bad"], "--fail-on bad: not one of info, low, medium, high, critical"),
        (["good", "--report", "pdf=x"], "--report pdf=x: write FORMAT=FILE with a format of"),
        (["good", "--report", "json=no/such/x"], "the folder of that file does not exist"),
        (["good", "--kube-version", "1.2"], "--kube-version"),
        (["good", "--schemas", "good/a.yaml"], "--schemas"),
        (["good", "--as-of", "soon"], "--as-of soon: not a date such as 2027-01-31, nor today"),
        (["good", "--values", "x"], "--values x: expected CHART_GLOB=FILE"),
        (["good", "--policies", "good"], "--policies good: no profile.yaml there"),
    ],
)
def test_wrong_usage_exits_with_4_and_one_line(place: Path, arguments: list[str], message: str) -> None:
    done = check(place, *arguments)
    assert done.returncode == 4
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout


def test_a_wrong_policy_exits_with_4_naming_file_line_and_field(place: Path) -> None:
    rules = place / "house" / "rules.yaml"
    rules.write_text(RULES.replace("severity: high", "severity: hihg"))
    done = check(place, "good")
    assert done.returncode == 4
    assert "house/rules.yaml:7:" in done.stderr
    assert "[0].severity" in done.stderr


def test_a_wrong_expectation_is_located_too(place: Path) -> None:
    rules = place / "house" / "rules.yaml"
    rules.write_text(RULES.replace("at_least: 2", "at_least: some"))
    done = check(place, "good")
    assert done.returncode == 4
    assert "house/rules.yaml:11:" in done.stderr
    assert "at_least takes a number, quantity or duration" in done.stderr


def test_advice_warns_and_hardened_fails(place: Path) -> None:
    (place / "bad" / "a.yaml").write_text(DEPLOYMENT.format(name="x", replicas=2, team=""))
    assert outcomes(place, "bad")["house-team-label"] == "warned"
    assert check(place, "bad").returncode == 0
    assert outcomes(place, "bad", "--hardened")["house-team-label"] == "failed"
    assert check(place, "bad", "--hardened").returncode == 1


def test_fail_on_lets_the_less_severe_pass(place: Path) -> None:
    assert outcomes(place, "bad")["house-two-replicas"] == "failed"
    assert outcomes(place, "bad", "--fail-on", "critical")["house-two-replicas"] == "warned"
    assert check(place, "bad", "--fail-on", "critical").returncode == 0


def test_advisory_lets_the_named_only_warn(place: Path) -> None:
    assert outcomes(place, "bad", "--advisory", "house-two-*")["house-two-replicas"] == "warned"
    assert check(place, "bad", "--advisory", "house-two-*").returncode == 0


def test_the_restricted_level_is_advice_until_somebody_asks_for_it(place: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: 'a:1'}]}\n"
    (place / "bad" / "a.yaml").write_text(pod)

    def outcome(*arguments: str) -> str:
        command("check", "bad", "--report", "json=out.json", *arguments, cwd=place)
        results = json.loads((place / "out.json").read_bytes())["results"]
        return str(next(each["outcome"] for each in results if each["id"] == "pod-security-restricted-seccomp"))

    assert outcome() == "warned"
    assert outcome("--hardened") == "failed"
    assert outcome("--profile", "pod-security") == "failed"


def test_k_selects_as_in_pytest(place: Path) -> None:
    assert set(outcomes(place, "bad", "-k", "replicas or label")) == {"house-two-replicas", "house-team-label"}
    assert check(place, "bad", "-k", "nothing-like-this").returncode == 5


def test_an_entry_without_a_check_is_skipped_with_its_reason(place: Path) -> None:
    check(place, "good", "--report", "json=out.json")
    report = json.loads((place / "out.json").read_bytes())
    entry = next(each for each in report["results"] if each["id"] == "house-on-call")
    assert (entry["outcome"], entry["reason"]) == ("skipped", "not checked: it takes a telephone")


def test_a_report_on_standard_output_is_alone_there(place: Path) -> None:
    done = check(place, "bad", "--report", "json=-")
    assert json.loads(done.stdout)["summary"]["failed"] == 1
    assert "house-two-replicas" in done.stderr


def test_several_reports_at_once(place: Path) -> None:
    formats = ("json", "junit", "sarif", "markdown", "html", "gitlab")
    arguments = [f"--report={name}=out.{name}" for name in formats]
    check(place, "bad", *arguments)
    assert all(b"house-two-replicas" in (place / f"out.{name}").read_bytes() for name in formats)


def test_an_unreadable_document_is_an_error_and_hides_nothing(place: Path) -> None:
    (place / "bad" / "b.yaml").write_text("a: b: c\n")
    done = check(place, "bad")
    assert done.returncode == 1
    assert "bad/b.yaml:1" in done.stdout
    found = outcomes(place, "bad")
    assert found["sources-documents-load"] == "error"
    assert found["house-two-replicas"] == "failed"
    assert outcomes(place, "bad", "--exclude", "b.yaml")["sources-documents-load"] == "passed"


WAIVER = """\
- requirement: house-two-replicas
  object: Deployment/shop/{name}
  reason: one is enough
  owner: me
  expires: "{expires}"
"""


@pytest.mark.parametrize(
    ("name", "expires", "tree", "code", "outcome"),
    [
        ("bad", "2999-01-01", "bad", 0, "passed"),
        ("bad", "2020-01-01", "bad", 1, "failed"),
        ("other", "2999-01-01", "good", 1, "failed"),
        ("bad", "never", "bad", 1, "failed"),
    ],
)
def test_waivers_hold_until_they_rot(place: Path, name: str, expires: str, tree: str, code: int, outcome: str) -> None:
    (place / "waivers.yaml").write_text(WAIVER.format(name=name, expires=expires))
    assert check(place, tree, "--waivers", "waivers.yaml").returncode == code
    found = outcomes(place, tree, "--waivers", "waivers.yaml")
    assert found["sources-waivers-in-force"] == outcome
    if tree == "bad":
        assert found["house-two-replicas"] == ("waived" if code == 0 else "failed")


def test_a_plumbline_toml_decides_when_nothing_is_said(place: Path) -> None:
    (place / "bad" / "plumbline.toml").write_text('profiles = ["house"]\npolicies = ["../house"]\nhardened = true\n')
    done = command("check", "bad", "--report", "json=out.json", cwd=place)
    assert done.returncode == 1
    found = {each["id"]: each["outcome"] for each in json.loads((place / "out.json").read_bytes())["results"]}
    assert found["house-team-label"] == "failed"
    assert not any(name.startswith("gitops") for name in found)


def test_targets_are_judged_apart(place: Path) -> None:
    text = 'policies = ["house"]\n[targets.one]\npath = "good"\nprofiles = ["house"]\n'
    (place / "plumbline.toml").write_text(text + '[targets.two]\npath = "bad"\nprofiles = ["house"]\n')
    command("check", ".", "--report", "json=out.json", cwd=place)
    results = json.loads((place / "out.json").read_bytes())["results"]
    found = {(each["target"], each["id"]): each["outcome"] for each in results}
    assert found["one", "house-two-replicas"] == "passed"
    assert found["two", "house-two-replicas"] == "failed"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profiles = 3\n", "profiles: not a list of strings"),
        ("colour = 1\n", "colour: no such key"),
        ("profiles = [\n", "plumbline.toml"),
        ('[targets.a]\npath = "x"\n', "targets.a.path"),
        ("[targets.a]\n", "targets.a: a target needs a path"),
    ],
)
def test_a_wrong_plumbline_toml_exits_with_4(place: Path, text: str, message: str) -> None:
    (place / "good" / "plumbline.toml").write_text(text)
    done = command("check", "good", cwd=place)
    assert done.returncode == 4
    assert message in done.stderr


def pytest_command(place: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    own = ("--manifests", "bad", "--policies", "house", "--profile", "house", "--report", "json=out.json")
    done = command("--pyargs", "conformance", *own, *arguments, cwd=place, module="pytest")
    return done, json.loads((place / "out.json").read_bytes())


def test_pytest_itself_runs_the_checks_from_a_foreign_folder(place: Path) -> None:
    done, report = pytest_command(place, "-k", "replicas")
    assert done.returncode == 1
    assert "test_declared[house-two-replicas]" in done.stdout
    assert [each["id"] for each in report["results"]] == ["house-two-replicas"]


def test_a_distributed_run_reports_the_same(place: Path) -> None:
    _, alone = pytest_command(place)
    _, distributed = pytest_command(place, "-n", "2")
    for report in (alone, distributed):
        report["summary"]["seconds"] = 0
        for each in report["results"]:
            each["seconds"] = 0
    assert alone == distributed


def test_the_command_and_pytest_say_the_same(place: Path) -> None:
    _, under_pytest = pytest_command(place)
    check(place, "bad", "--report", "json=out.json")
    alone = json.loads((place / "out.json").read_bytes())
    for report in (alone, under_pytest):
        report["summary"]["seconds"] = 0
        for each in report["results"]:
            each["seconds"] = 0
    assert alone == under_pytest


def test_a_large_tree_is_judged_by_several_processes_with_the_same_result(place: Path) -> None:
    for number in range(2100):
        text = DEPLOYMENT.format(name=f"d{number}", replicas=number % 3, team="")
        (place / "bad" / f"{number}.yaml").write_text(text)
    found = []
    for jobs in ("1", "2"):
        check(place, "bad", "--no-cache", "--jobs", jobs, "--report", "json=out.json")
        results = json.loads((place / "out.json").read_bytes())["results"]
        found.append([{**each, "seconds": 0} for each in results])
    assert found[0] == found[1]
    assert any(len(each["findings"]) > 1000 for each in found[0])


def test_what_stands_after_two_dashes_goes_to_pytest(place: Path) -> None:
    done = check(place, "bad", "--", "-v")
    assert done.returncode == 1
    assert "test_declared[house-two-replicas] FAILED" in done.stdout
    assert "test_not_checked[house-on-call] SKIPPED" in done.stdout


def test_no_jobs_and_no_cache_change_nothing(place: Path) -> None:
    assert outcomes(place, "bad", "--jobs", "1", "--no-cache") == outcomes(place, "bad") == outcomes(place, "bad")


def test_list_explain_and_defects(place: Path) -> None:
    listed = command("list", "--policies", "house", "--format", "json", cwd=place)
    profiles = {each["name"]: each for each in json.loads(listed.stdout)["profiles"]}
    assert profiles["house"]["requirements"][0]["id"] == "house-two-replicas"
    explained = command("explain", "house-two-replicas", "--policies", "house", cwd=place)
    assert "A Deployment MUST have two replicas or more." in explained.stdout
    assert "Raise spec.replicas." in explained.stdout
    unknown = command("explain", "two-replicas", "--policies", "house", cwd=place)
    assert unknown.returncode == 4
    assert "did you mean house-two-replicas?" in unknown.stderr
    assert "persistence-defect-" in command("defects", "persistence", cwd=place).stdout


def test_static_commands_never_read_a_kubeconfig(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo = place / "kubeconfig"
    os.mkfifo(fifo)  # whoever opened it would hang until the time limit
    monkeypatch.setenv("KUBECONFIG", str(fifo))
    assert check(place, "good").returncode == 0


def test_a_next_step_asks_the_same_again(place: Path) -> None:
    """Not of the target's own path, beside which there is no plumbline.toml."""
    (place / "plumbline.toml").write_text('profiles = ["house"]\npolicies = ["house"]\n[targets.a]\npath = "bad"\n')
    said = command("check", ".", "--fail-on", "low", cwd=place).stdout
    assert "plumbline check . --fail-on low -k house-two-replicas" in said
