"""What documents require: profiles and their requirements, read from data and checked; nothing is evaluated here.

A profile is a folder with `profile.yaml`, any number of topic files (each a list of requirements) and `defects.yaml`.
The loader of `sources` hands over parsed documents, so an error names file, line and field.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import orjson

from conformance.kube.inventory import Match
from conformance.kube.object import Document, Location
from conformance.kube.path import Path, render


class CatalogueError(ValueError):
    """Policy data that cannot be used; one line with file, line and field."""

    def __init__(self, location: Location, field_path: str, reason: str) -> None:
        where = f"{location}: {field_path}: " if field_path else f"{location}: "
        super().__init__(where + reason)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document says it. `lines` is the printed range, such as "11-20"; the quote is verbatim."""

    document: str
    section: str
    lines: str
    quote: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """One sentence of a document.

    `keyword` decides what a violation means: MUST fails, SHOULD and MAY warn unless the run is `--hardened`.
    `check` is None while nothing judges it yet; then `reason` says what it would take.
    """

    id: str
    profile: str
    title: str
    statement: str
    source: Source
    keyword: str
    basis: str
    severity: str
    scope: tuple[str, ...]
    match: Match
    require: str
    check: str | None
    options: Mapping[str, Any]
    remediation: str
    reason: str
    why: str
    document: Document
    path: Path

    def error(self, field_path: str, reason: str) -> CatalogueError:
        """A mistake in this entry, located."""
        steps = (*self.path, *field_path.split(".")) if field_path else self.path
        return CatalogueError(self.document.locate(steps), f"{self.id}: {field_path}".rstrip(": "), reason)


@dataclass(frozen=True, slots=True)
class Defect:
    """A contradiction or mistake inside a document; `requirements` are those it bears on."""

    id: str
    severity: str
    where: str
    statement: str
    evidence: str
    detect: str
    requirements: tuple[str, ...]


@dataclass(slots=True)
class Profile:
    """The requirements of one document; `generic` ones can be held against any repository."""

    name: str
    title: str
    document: str
    generic: bool
    folder: str
    requirements: list[Requirement] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)


@dataclass(slots=True)
class Catalogue:
    """Profiles by name."""

    profiles: dict[str, Profile] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Requirement]:
        """Every requirement of every profile, in the order of the data."""
        for profile in self.profiles.values():
            yield from profile.requirements

    def find(self, identifier: str) -> Requirement | None:
        """The requirement of that id."""
        return next((each for each in self if each.id == identifier), None)


def load(documents: Iterable[Document]) -> Catalogue:
    """Profiles from the documents of policy folders.

    Raises CatalogueError for data that does not fit the schema, an id used twice, or an id that lacks its profile's
    prefix. An empty folder gives an empty catalogue: the caller decides whether that is an error.
    """
    by_folder: dict[str, list[Document]] = {}
    for document in documents:
        by_folder.setdefault(str(PurePosixPath(document.origin.path).parent), []).append(document)
    catalogue = Catalogue()
    seen: set[str] = set()
    for folder, members in by_folder.items():
        profile = _profile(folder, members)
        if profile.name in catalogue.profiles:
            raise CatalogueError(Location(folder), "", f"profile {profile.name} exists twice")
        catalogue.profiles[profile.name] = profile
        for identifier in [each.id for each in profile.requirements] + [each.id for each in profile.defects]:
            if identifier in seen:
                raise CatalogueError(Location(folder), identifier, "this id is used twice")
            seen.add(identifier)
    return catalogue


def _profile(folder: str, members: Sequence[Document]) -> Profile:
    named = {PurePosixPath(each.origin.path).stem: each for each in members}
    head = named.get("profile")
    if head is None:
        raise CatalogueError(Location(folder), "", "a policy folder needs a profile.yaml")
    _validate(head, "profile")
    raw = head.raw
    profile = Profile(raw["name"], raw["title"], raw["document"], raw.get("generic", False), folder)
    for stem, document in named.items():
        if stem == "defects":
            _validate(document, "defects")
            profile.defects = [_defect(entry) for entry in document.raw]
        elif stem != "profile":
            _validate(document, "requirements")
            profile.requirements += [_requirement(document, index, profile) for index in range(len(document.raw))]
    return profile


def _defect(raw: Mapping[str, Any]) -> Defect:
    return Defect(
        raw["id"],
        raw["severity"],
        raw["where"],
        raw["statement"],
        raw.get("evidence", ""),
        raw.get("detect", ""),
        tuple(raw.get("requirements", ())),
    )


def _requirement(document: Document, index: int, profile: Profile) -> Requirement:
    raw = document.raw[index]
    source = raw["source"]
    requirement = Requirement(
        id=raw["id"],
        profile=profile.name,
        title=raw["title"],
        statement=raw["statement"],
        source=Source(profile.document, source["section"], str(source.get("lines", "")), source.get("quote", "")),
        keyword=raw["keyword"],
        basis=raw["basis"],
        severity=raw["severity"],
        scope=tuple(raw["scope"]),
        match=_match(raw.get("match", {})),
        require=raw.get("require", "optional"),
        check=raw["check"],
        options={**raw.get("with", {}), **({"expect": raw["expect"]} if "expect" in raw else {})},
        remediation=raw["remediation"],
        reason=raw.get("reason", ""),
        why=raw.get("why", ""),
        document=document,
        path=(index,),
    )
    if not requirement.id.startswith(profile.name + "-"):
        raise requirement.error("id", f"an id of profile {profile.name} starts with {profile.name}-")
    if requirement.basis == "recommended" and requirement.keyword == "MUST":
        raise requirement.error("keyword", "advice (basis: recommended) cannot be a MUST")
    if requirement.check is None and not requirement.reason:
        raise requirement.error("check", "an entry that nothing judges yet needs a reason")
    return requirement


def _match(raw: Mapping[str, Any]) -> Match:
    def patterns(name: str) -> tuple[str, ...]:
        value = raw.get(name, ())
        return (value,) if isinstance(value, str) else tuple(value)

    return Match(
        kinds=patterns("kind"),
        groups=patterns("group"),
        names=patterns("name"),
        namespaces=patterns("namespace"),
        paths=patterns("path"),
        labels=tuple(raw.get("labels", {}).items()),
    )


def _validate(document: Document, definition: str) -> None:
    """Hold a policy file against the published schema; the first mistake is reported where it stands."""
    from jsonschema_rs import ValidationError  # costs 30 ms, and only commands that read policies need it

    try:
        _validator(definition).validate(document.raw)
    except ValidationError as error:
        path = tuple(error.instance_path)
        raise CatalogueError(document.locate(path), render(path), _mistake(error)) from None


def _mistake(error: Any) -> str:
    """The library's words, except that it does not say all the words that a field may have."""
    if error.kind.name != "enum":
        return str(error.message)
    words = ", ".join(str(each) for each in error.kind.as_dict()["options"])
    return f"{orjson.dumps(error.instance).decode()} is not one of {words}"


def _validator(definition: str) -> Any:
    if definition not in _VALIDATORS:
        from jsonschema_rs import Draft202012Validator

        text = importlib.resources.files("conformance").joinpath("catalogue.schema.json").read_bytes()
        schema = orjson.loads(text)
        _VALIDATORS[definition] = Draft202012Validator({**schema, "$ref": f"#/$defs/{definition}"})
    return _VALIDATORS[definition]


_VALIDATORS: dict[str, Any] = {}
