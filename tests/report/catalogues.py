"""A small catalogue and fixtures for the tests of the catalogue's texts."""

from __future__ import annotations

import datetime
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import yaml

from conformance import catalogue, registry
from conformance.catalogue import Catalogue
from conformance.kube.object import Document, Location
from conformance.kube.path import Path as Steps
from conformance.report import catalogue_text

TODAY = datetime.date(2027, 1, 1)

PROFILE = """
name: persistence
title: Data survives what happens to clusters
document: Persistence guide
"""
REQUIREMENTS = """
- id: persistence-storageclass-retain
  title: Deleting a claim does not delete its data
  statement: StorageClass local-path MUST have reclaimPolicy Retain.
  why: The default is Delete, so one wrong command loses a volume for good.
  source: {section: "1. StorageClass", lines: 11-20, quote: "reclaimPolicy: Retain"}
  keyword: MUST
  basis: explicit
  severity: critical
  scope: [manifests, cluster]
  match: {kind: StorageClass, name: local-path}
  require: present
  check: declared
  expect: {reclaimPolicy: Retain}
  remediation: Re-create the StorageClass with reclaimPolicy Retain; bound volumes keep theirs.
- id: persistence-restore-drill
  title: A restore | was tried
  statement: A restore SHOULD be tried every quarter.
  source: {section: Checklist, lines: 455}
  keyword: SHOULD
  basis: recommended
  severity: medium
  scope: [drill]
  check: null
  reason: needs a cluster that may be broken
  remediation: Run the drill.
"""
DEFECTS = """
- id: persistence-defect-encoding
  severity: info
  where: lines 1-481
  statement: The text is double encoded.
  evidence: analysed
  detect: Never match Korean words.
  requirements: [persistence-storageclass-retain]
"""


class Place:
    """The origin of a document that a test wrote."""

    def __init__(self, path: str) -> None:
        self.path = path

    def locate(self, path: Steps) -> Location:
        return Location(self.path, 1, 1)


def small(**files: str) -> Catalogue:
    """The catalogue of this module, or of other files of one profile."""
    texts = files or {"profile": PROFILE, "storage": REQUIREMENTS, "defects": DEFECTS}
    return catalogue.load(
        Document(yaml.safe_load(text), Place(f"policies/persistence/{name}.yaml")) for name, text in texts.items()
    )


def requirement(**changes: Any) -> catalogue.Requirement:
    """The first requirement of this module, with some fields changed."""
    entry = {**yaml.safe_load(REQUIREMENTS)[0], **changes}
    made = small(profile=PROFILE, storage=yaml.safe_dump([entry], allow_unicode=True))
    return next(iter(made))


def fixtures(folder: Path, **files: str) -> Path:
    """A folder of fixtures; the names stand for paths with `__` between the parts and a `.yaml` at the end."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


GOOD = """
    # requirement: persistence-storageclass-retain
    apiVersion: storage.k8s.io/v1
    kind: StorageClass
    metadata: {name: local-path}
    reclaimPolicy: Retain
    """
BAD = """
    # requirement: persistence-storageclass-retain
    # requirement: persistence-other
    apiVersion: storage.k8s.io/v1
    kind: StorageClass
    metadata: {name: local-path}  # finding: persistence-other
    reclaimPolicy: Delete  # finding: persistence-storageclass-retain persistence-other
    """


def explanation() -> str:
    with tempfile.TemporaryDirectory() as folder:
        tree = fixtures(Path(folder), declared__declared__good=GOOD, declared__declared__bad=BAD)
        return catalogue_text.explanation(requirement(), tree, registry.find("declared"), today=TODAY)


def listing() -> str:
    return catalogue_text.listing(small())


def page() -> str:
    return catalogue_text.listing(small(), "markdown")


def defects() -> str:
    return catalogue_text.defects(small().profiles["persistence"])
