"""One run: settings to requirements, targets to inventories. Shared by the pytest plugin and the command line."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from conformance import catalogue, registry, waiver
from conformance.catalogue import Catalogue, Requirement
from conformance.check import Check
from conformance.evaluate import Policy, evaluate
from conformance.finding import Finding, Outcome
from conformance.kube.inventory import Inventory
from conformance.kube.object import Location
from conformance.replay import Replay
from conformance.report.record import ResultRecord, finding_record, record
from conformance.settings import OWN_PROFILE, Settings, Target, UsageError, policy_folders
from conformance.sources import load as sources
from conformance.sources import workers
from conformance.sources.helm import parse_values
from conformance.sources.render import RenderOptions, RenderPlan, is_concerned
from conformance.sources.render_options import KUBE_VERSION
from conformance.waiver import Waivers

WAIVERS_ID = "sources-waivers-in-force"
NO_YAML = "a file of waivers is YAML or JSON and named so (.yaml, .yml, .json)"


def cache_folder() -> Path:
    """Where parsed documents are kept between runs: `$XDG_CACHE_HOME/kube-plumbline`."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "kube-plumbline"


def load_catalogue(folders: Iterable[Path]) -> Catalogue:
    """The profiles in these folders; raises CatalogueError, which names file, line and field."""
    loaded = sources.load([str(each) for each in folders], jobs=1)
    if loaded.rejected:
        first = loaded.rejected[0]
        raise catalogue.CatalogueError(first.location, "", first.reason)
    return catalogue.load(loaded.documents)


#: objects from which judging in several processes is worth a fork, and up to which the copies of memory are
PARALLEL_FROM, PARALLEL_TO = 2_000, 50_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A requirement asked of a target: what one pytest item stands for."""

    requirement: Requirement
    check: Check | None
    target: Target
    id: str


@dataclass
class Run:
    """Catalogue, targets and what has been loaded so far. Files are read when the first requirement is judged."""

    settings: Settings
    scope: str = "manifests"
    #: what the report says of a cluster: context, server, user, version, when it was looked at
    about: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    inventories: dict[Target, Inventory] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The selected profiles."""
        return load_catalogue(self.policy_folders)

    @cached_property
    def waivers(self) -> Waivers:
        """Waivers of `--waivers` and plumbline.toml; a file that does not load is reported like an expired one."""
        loaded = sources.load(list(self.settings.waivers), jobs=1)
        found = waiver.load([*loaded.documents, *loaded.objects])
        found.problems += [waiver.WaiverProblem(each.location, each.reason) for each in loaded.rejected]
        found.problems += [waiver.WaiverProblem(Location(each.path), NO_YAML) for each in loaded.texts]
        return found

    @cached_property
    def asked(self) -> list[Asked]:
        """Every requirement in scope, once per target whose profiles hold it; checks bound and options validated."""
        selected: list[Asked] = []
        several = len(self.settings.targets) > 1
        for target in self.settings.targets:
            for requirement in self.catalogue:
                if not self._concerns(requirement, target) or self.scope not in requirement.scope:
                    continue
                suffix = f"@{target.name}" if several else ""
                check = registry.bind(requirement)
                selected.append(Asked(requirement, check, target, requirement.id + suffix))
        return selected

    def _concerns(self, requirement: Requirement, target: Target) -> bool:
        shipped = requirement.profile in (OWN_PROFILE, *target.profiles)
        return shipped or requirement.profile in self.extra_profiles

    @cached_property
    def extra_profiles(self) -> frozenset[str]:
        """Profiles of `--policies`, which every target is held to unless it names profiles itself."""
        named = {name for target in self.settings.targets for name in target.profiles}
        return frozenset(self.catalogue.profiles) - named

    def inventory(self, target: Target) -> Inventory:
        """Everything below a target's paths; read once."""
        if target not in self.inventories:
            self.inventories[target] = self._load(target)
        return self.inventories[target]

    @cached_property
    def rendering(self) -> RenderOptions:
        """What helm and kustomize may do; raises UsageError for a `--values` that cannot be read."""
        settings = self.settings
        try:
            values = tuple(parse_values(each) for each in settings.values)
        except ValueError as error:
            raise UsageError(str(error)) from None
        version = settings.kube_version or KUBE_VERSION
        cache = cache_folder() if settings.cache else None
        return RenderOptions(settings.render, settings.allow_network, version, values=values, cache=cache)

    @cached_property
    def replay(self) -> Replay:
        """What is known from an earlier run of the same question."""
        return Replay.open(cache_folder() if self.settings.cache else None, self.settings, self.policy_folders)

    @cached_property
    def policy_folders(self) -> list[Path]:
        """The folders of the selected profiles."""
        return policy_folders(self.settings)

    def check_options(self) -> None:
        """Raise UsageError for options that only their reader can tell to be wrong: waivers, versions, values."""
        for path in self.settings.waivers:
            if not Path(path).exists():
                raise UsageError(f"--waivers {path}: no such file or directory")
        _ = self.rendering
        if not self.settings.schemas and not self.settings.kube_version:
            return
        from conformance.schema import SchemaFileError, SchemaSet

        try:
            if self.settings.schemas:
                SchemaSet.read(Path(self.settings.schemas))
            else:
                SchemaSet.load(self.settings.kube_version)
        except SchemaFileError as error:
            option = "schemas" if self.settings.schemas else "kube-version"
            raise UsageError(f"--{option}: {error}") from None
        except OSError as error:
            raise UsageError(f"--schemas {self.settings.schemas}: cannot be read: {error.strerror}") from None

    def _plan(self, tree: sources.Tree) -> sources.Rendering:
        if is_concerned(tree):
            self.replay.storable = False
        return RenderPlan(self.rendering, sources.read_file)(tree)

    def _load(self, target: Target) -> Inventory:
        settings = self.settings
        loaded = sources.load(
            list(target.paths),
            jobs=settings.jobs,
            cache=cache_folder() if settings.cache else None,
            plan=self._plan,
            exclude=settings.exclude,
            walk=self.replay.walk if len(settings.targets) == 1 else None,
        )
        self.digests.update(loaded.digests)
        return Inventory(
            loaded.objects,
            loaded.documents,
            loaded.texts,
            loaded.rejected,
            loaded.files,
            as_of=settings.day,
            kube_version=settings.kube_version,
            schemas=settings.schemas,
        )

    def judge(self, asked: Asked) -> ResultRecord:
        """Evaluate one requirement on its target, or give the result again that is known to hold still."""
        if self.replay.valid and asked.id in self.replay.records:
            return cast("ResultRecord", self.replay.records[asked.id])
        settings = self.settings
        policy = Policy(settings.hardened, settings.fail_on, settings.advisory)
        inventory = self.inventory(asked.target)
        result = evaluate(asked.requirement, asked.check, inventory, self.waivers, policy)
        found = record(asked.requirement, result, asked.target.name)
        self.replay.keep(asked.id, found)
        return found

    def judge_all(self) -> list[ResultRecord]:
        """Every requirement that is asked, in order; large inventories are judged by two processes or more."""
        known = self.replay.records if self.replay.valid else {}
        missing = [each for each in self.asked if each.id not in known]
        for target in dict.fromkeys(each.target for each in missing):
            self.inventory(target)
        count = self.settings.jobs or workers.cpus()
        if count < 2 or not PARALLEL_FROM <= self.objects <= PARALLEL_TO:
            return [self.judge(each) for each in self.asked]
        found = dict(workers.run(lambda number: self.judge(missing[number]), len(missing), count))
        for number, each in enumerate(missing):
            self.replay.keep(each.id, found[number])
        return [self.replay.records[each.id] for each in self.asked]

    @property
    def objects(self) -> int:
        """Objects loaded so far, over all targets."""
        return self.replay.objects or sum(len(each.objects) for each in self.inventories.values() if not each.live)

    def elapsed(self) -> float:
        """Wall seconds since the run was made."""
        return time.perf_counter() - self.started

    def exit_code(self, results: Sequence[ResultRecord]) -> int:
        """0 held, 1 findings or errors, 5 nothing of the selected profiles could be judged.

        That everything could be read is no evidence that anything was judged, so our own profile does not count.
        """
        if any(each["outcome"] in (Outcome.FAILED, Outcome.ERROR) for each in results):
            return 1
        judged = any(each["evaluated"] for each in results if each["profile"] != OWN_PROFILE)
        return 0 if judged else 5

    def describe(self) -> dict[str, Any]:
        """The report's `target`: what was asked, so that it can be asked again; a plumbline.toml may say more of it."""
        paths = list(self.settings.paths)
        options = list(self.settings.options)
        return {"kind": self.scope, "paths": paths} | ({"options": options} if options else {}) | self.about


def finish(run: Run, results: list[ResultRecord]) -> list[ResultRecord]:
    """All results of a run in the order of the catalogue, that of the waivers included."""
    last = waiver_record(run, results)
    order = {each.id: index for index, each in enumerate(run.catalogue)}
    return [*sorted(results, key=lambda each: order.get(each["id"], -1)), *([last] if last else [])]


def waiver_record(run: Run, results: Sequence[ResultRecord]) -> ResultRecord | None:
    """The result about the waivers themselves, made when all others are known; None when no waiver was given."""
    if not run.waivers.entries and not run.waivers.problems:
        return None
    judged: dict[str, list[tuple[str, str]]] = {}
    for each in results:
        pairs = judged.setdefault(each["id"], [])
        pairs += [(_name(finding), finding["field"]) for finding in each["findings"]]
    known = {requirement.id for requirement in run.catalogue}
    problems = list(run.waivers.rotten(known, judged))
    return ResultRecord(
        id=WAIVERS_ID,
        profile=OWN_PROFILE,
        title="Every waiver is readable, in force and needed",
        statement="A waiver MUST be readable, MUST NOT be expired and MUST cover a finding.",
        keyword="MUST",
        severity="high",
        outcome=(Outcome.FAILED if problems else Outcome.PASSED).value,
        evaluated=len(run.waivers.entries) + len(run.waivers.problems),
        reason="",
        seconds=0.0,
        check="",
        remediation="Remove the waiver, or have its owner renew it with a new date and a reason that still holds.",
        source={"document": "kube-plumbline", "section": "Waivers", "lines": "", "quote": ""},
        findings=[
            finding_record(WAIVERS_ID, Finding(None, "", each.reason, location=each.location)) for each in problems
        ],
        errors=[],
    )


def _name(finding: Any) -> str:
    who, where = finding["object"], finding["location"]
    if who is None:
        return where["path"] if where else "-"
    return "/".join(part for part in (who["kind"], who["namespace"], who["name"]) if part)


__all__ = ["Asked", "Run", "UsageError", "finish", "load_catalogue"]
