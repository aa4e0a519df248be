"""One repository against one cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.drift import ignored, secret
from conformance.drift.compare import Difference, compare
from conformance.drift.legitimate import Legitimate
from conformance.drift.pairing import Cluster, Pair, Paired, only_in_cluster, pair, secrets_of
from conformance.drift.shape import Shapes
from conformance.kube.inventory import NotListedError
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.podspec import CARRIERS


@dataclass(frozen=True, slots=True)
class Changed:
    """An object whose states differ: what counts, what is only a hint, and what is meant to differ, with the reason."""

    git: Object
    live: Object
    differences: tuple[Difference, ...]
    hints: tuple[Difference, ...]
    accepted: tuple[tuple[Difference, str], ...]


@dataclass
class Drift:
    """Everything that one comparison found."""

    compared: int = 0
    changed: list[Changed] = field(default_factory=list)
    only_git: list[tuple[Object, str]] = field(default_factory=list)
    only_cluster: list[Object] = field(default_factory=list)
    unread: list[tuple[Object | None, str]] = field(default_factory=list)
    passed_over: list[tuple[Object, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def drifted(self) -> bool:
        """Whether anything differs that counts, or could not be compared."""
        return bool(self.only_git or self.unread or any(each.differences for each in self.changed))

    @property
    def hinted(self) -> bool:
        """Whether the cluster has what Git does not speak of."""
        return bool(self.only_cluster or any(each.hints for each in self.changed))


def compare_all(
    objects: Sequence[Object],
    kinds: Mapping[str, list[Object]],
    version: str,
    digest: Callable[[Any], str] | None = None,
    namespaces: Sequence[str] = (),
    absent: Collection[str] = (),
) -> Drift:
    """Git's objects against the cluster's, listed by kind when they are asked for.

    `version` is the cluster's, for what is known of built-in kinds; `digest` that of the Secrets' values, None for a
    snapshot; `absent` are kinds that the cluster does not know, told while they are asked for. An object whose fields
    have the wrong type is `unread`, never in order.
    """
    cluster = Cluster(kinds, absent)
    paired = pair(objects, cluster, namespaces)
    found = Drift(only_git=paired.only_git, unread=paired.unread, passed_over=paired.passed_over)
    rules = _rules(objects, found)
    engine = _Engine(objects, cluster, version, digest, rules, found)
    for each in _nearest(paired, engine):
        found.compared += 1
        if each.differences or each.hints or each.accepted:
            found.changed.append(each)
    _expect_secrets(paired, cluster, found)
    inside = [each for each in objects if not namespaces or each.namespace in namespaces]
    found.only_cluster = list(only_in_cluster(paired, inside, cluster))
    if digest is None and any(each.git.kind == "Secret" and not each.git.group for each in paired.pairs):
        found.notes.append("values of Secrets were compared by their size alone: a snapshot holds no values")
    return found


def _rules(objects: Sequence[Object], found: Drift) -> ignored.Ignored:
    try:
        rules = ignored.read(objects)
    except FieldTypeError as error:
        found.unread.append((None, f"ignoreDifferences cannot be read: {error}"))
        return ignored.Ignored()
    found.notes += rules.unread
    return rules


class _Engine:
    """Compares pairs; keeps what it needs of the whole."""

    def __init__(
        self,
        objects: Sequence[Object],
        cluster: Cluster,
        version: str,
        digest: Callable[[Any], str] | None,
        rules: ignored.Ignored,
        found: Drift,
    ) -> None:
        definitions = [each for each in objects if each.kind == "CustomResourceDefinition"]
        self.shapes = Shapes(version, definitions)
        if not all(self.shapes.of(each).known for each in objects):
            self.shapes = Shapes(version, [*definitions, *cluster.listed("CustomResourceDefinition")])
        self.digest = digest
        self.legitimate = Legitimate(objects, cluster.listed, rules)
        self.found = found

    def changed(self, both: Pair) -> Changed | None:
        """The differences of one pair; None when it could not be compared."""
        try:
            return self._changed(both)
        except FieldTypeError as error:
            self.found.unread.append((both.git, str(error)))
        except (AttributeError, TypeError, KeyError):
            self.found.unread.append((both.git, "a field of it has a type that Kubernetes would not accept"))
        return None

    def _changed(self, both: Pair) -> Changed:
        git, live = both.git.raw, both.live.raw
        if both.git.kind == "Secret" and not both.git.group:
            git, live = secret.digested(git, self.digest), live if self.digest else secret.sized(live)
        shape = self.shapes.of(both.git)
        template = self.shapes.pod_template if both.git.kind in CARRIERS and not shape.builtin else None
        same_version = both.git.version == both.live.version
        differences: list[Difference] = []
        hints: list[Difference] = []
        accepted: list[tuple[Difference, str]] = []
        for each in compare(shape, git, live, template):
            if not same_version and each.what != "changed":
                continue  # the other version may say it in another field
            reason = self.legitimate.reason(both.git, both.live, each)
            if reason:
                accepted.append((each, reason))
            else:
                (hints if each.hint else differences).append(each)
        if not same_version:
            said = f"{both.git}: {both.git.api_version} in Git, {both.live.api_version} in the cluster"
            self.found.notes.append(f"{said}; only fields that both have were compared")
        return Changed(both.git, both.live, tuple(differences), tuple(hints), tuple(accepted))


def _nearest(paired: Paired, engine: _Engine) -> Iterable[Changed]:
    """Each object of the cluster once. Of several files that declare it (variants, overlays) the nearest counts."""
    best: dict[int, Changed] = {}
    several: dict[int, list[Object]] = {}
    for each in paired.pairs:
        found = engine.changed(each)
        if found is None:
            continue
        several.setdefault(id(each.live), []).append(each.git)
        known = best.get(id(each.live))
        if known is None or len(found.differences) < len(known.differences):
            best[id(each.live)] = found
    for key, declared in several.items():
        if len(declared) > 1:
            where = ", ".join(each.origin.path for each in declared)
            engine.found.notes.append(f"{declared[0]} is declared {len(declared)} times ({where}); the nearest counts")
        yield best[key]


def _expect_secrets(paired: Paired, cluster: Cluster, found: Drift) -> None:
    for each in paired.pairs:
        for name in secrets_of(each.git):
            try:
                same = cluster.named("", "Secret", name)
            except NotListedError as error:
                found.unread.append((each.git, f"whether Secret {name} exists is not known: {error}"))
                continue
            if not any(one.namespace == each.live.namespace for one in same):
                found.only_git.append((each.git, f"the Secret {name} that it makes is not in the cluster"))


__all__ = ["Changed", "Drift", "compare_all"]
