"""What Argo CD is told not to compare: `ignoreDifferences` of Applications, and of the ConfigMap argocd-cm.

jsonPointers, and of jqPathExpressions the forms that name a place: `.a.b`, `.a["b/c"]`, `.a[0]`, `.a[]`, `.a[]?` and
`.a[] | select(.name == "x") | .b`. What else is said there is named in `unread` and silences nothing.
https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import yaml

from conformance.drift.compare import Difference
from conformance.kube.object import Node, Object

#: a field or an index; None for every element; a pair for the elements whose field has that value
Step = str | int | None | tuple[str, str]
_TOKEN = re.compile(
    r"""\s*(?: \.?\[\s*"(?P<quoted>[^"]*)"\s*\] | \.?\[(?P<index>\d*)\]
    | \.(?P<name>[A-Za-z_][\w-]*) | \."(?P<text>[^"]*)"
    | \|\s*select\(\s*\.(?P<key>\w+)\s*==\s*"(?P<value>[^"]*)"\s*\) | \|\s*(?=\.) )\s*\??""",
    re.VERBOSE,
)
_SETTINGS = "resource.customizations.ignoreDifferences."
TRACKING = "argocd.argoproj.io/tracking-id"


@dataclass(frozen=True, slots=True)
class Rule:
    """One place, of the objects that it is said of. `application` and `namespace` are empty in argocd-cm."""

    steps: tuple[Step, ...]
    by: str
    group: str = "*"
    kind: str = "*"
    name: str = ""
    namespace: str = ""
    application: str = ""
    destination: str = ""

    def covers(self, git: Object, live: Object, difference: Difference) -> bool:
        """Whether a difference lies at the place or below it."""
        return self._speaks_of(git, live) and _within(self.steps, difference, git.raw)

    def _speaks_of(self, git: Object, live: Object) -> bool:
        if not fnmatchcase(git.group, self.group) or not fnmatchcase(git.kind, self.kind):
            return False
        if (self.name and self.name != git.name) or (self.namespace and self.namespace != live.namespace):
            return False
        tracked = str(live.annotations.get(TRACKING) or "").partition(":")[0]
        if not self.application or tracked:
            return tracked in (self.application, "") or not self.application
        return not self.destination or live.namespace in ("", self.destination)


@dataclass
class Ignored:
    """Every rule, and what of them is not understood."""

    rules: list[Rule] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def reason(self, git: Object, live: Object, difference: Difference) -> str:
        """Who says that a difference is none; empty for nobody."""
        return next((each.by for each in self.rules if each.covers(git, live, difference)), "")


def read(objects: Iterable[Object]) -> Ignored:
    """The rules of Applications, of the templates of ApplicationSets, and of argocd-cm."""
    found = Ignored()
    for each in objects:
        if each.group == "argoproj.io" and each.kind in ("Application", "ApplicationSet"):
            spec = Node(each.mapping("spec.template.spec" if each.kind == "ApplicationSet" else "spec"))
            for entry in spec.sequence("ignoreDifferences"):
                _entry(found, each, spec, entry)
        elif each.kind == "ConfigMap" and each.name == "argocd-cm":
            _settings(found, each)
    return found


def _entry(found: Ignored, application: Object, spec: Node, entry: Node) -> None:
    by = f"ignoreDifferences of {application}"
    about = {
        "group": entry.text("group") or "",
        "kind": entry.text("kind") or "*",
        "name": entry.text("name"),
        "namespace": entry.text("namespace"),
        "application": application.name if application.kind == "Application" else "",
        "destination": spec.text("destination.namespace"),
    }
    for steps in _places(found, by, entry):
        found.rules.append(Rule(steps, by, **about))


def _settings(found: Ignored, settings: Object) -> None:
    for key, value in settings.mapping("data").items():
        if not key.startswith(_SETTINGS):
            continue
        group, _, kind = key.removeprefix(_SETTINGS).rpartition("_")
        if key == f"{_SETTINGS}all":
            group, kind = "*", "*"
        try:
            entry = Node(yaml.safe_load(str(value)))
        except yaml.YAMLError:
            found.unread.append(f"{settings}: {key} is no YAML")
            continue
        if isinstance(entry.raw, dict):
            for steps in _places(found, f"{key} of {settings}", entry):
                found.rules.append(Rule(steps, f"{key} of {settings}", group=group, kind=kind))


def _places(found: Ignored, by: str, entry: Node) -> Iterator[tuple[Step, ...]]:
    for pointer in entry.texts("jsonPointers"):
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        yield tuple(int(part) if part.isdigit() else part for part in parts)
    for text in entry.texts("jqPathExpressions"):
        steps = parse(text)
        if steps is None:
            found.unread.append(f"{by}: jqPathExpression {text} is not evaluated")
        else:
            yield steps
    for manager in entry.texts("managedFieldsManagers"):
        found.unread.append(
            f"{by}: managedFieldsManagers ({manager}) are not evaluated: a snapshot keeps no managed fields"
        )


def parse(text: str) -> tuple[Step, ...] | None:
    """The steps of a jq path; None for a form that does more than name a place."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or token.end() == position:
            return None
        position = token.end()
        name = next((token[part] for part in ("quoted", "name", "text") if token[part] is not None), None)
        if name is not None:
            steps.append(name)
        elif token["index"] is not None:
            steps.append(int(token["index"]) if token["index"] else None)
        elif token["key"] is not None:
            if not steps or steps[-1] is not None:
                return None
            steps[-1] = (token["key"], token["value"])
    return tuple(steps) or None


def _within(steps: tuple[Step, ...], difference: Difference, value: Any) -> bool:
    path = difference.path
    for number, step in enumerate(steps):
        if number == len(path):
            # what only the cluster has in a list is told at the list
            whole = difference.what == "added" and bool(difference.element) and number == len(steps) - 1
            return whole and _selects(step, difference.cluster)
        here = path[number]
        value = _below(value, here)
        if isinstance(step, str) and step != here:
            return False
        if isinstance(step, int) and step != here:
            return False
        if (step is None or isinstance(step, tuple)) and not (isinstance(here, int) and _selects(step, value)):
            return False
    return True


def _below(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None


def _selects(step: Step, value: Any) -> bool:
    if isinstance(step, tuple):
        return isinstance(value, dict) and value.get(step[0]) == step[1]
    return step is None
