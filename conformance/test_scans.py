"""Reports of image scans held against the images that are really used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory, Match
from conformance.kube.podspec import Container


@check
def test_images_scanned(
    container: Container, inventory: Inventory, *, images: list[str], reports: str, severities: list[str]
) -> Iterator[Said]:
    """Each image in use has a report of its own, in JSON, about these severities.

    In `reports` a `*` stands for the image, `/`, `:` and `@` written as `_`; since two images may come to one name, the
    report must also say itself which image it is about (`ArtifactName`, as Trivy calls it). `images` are globs.
    """
    image = container.text("image")
    if not any(fnmatchcase(image, each) for each in images):
        yield NotApplicable("an image that the document does not speak of")
        return
    owner, field = container.pod.owner, (*container.path, "image")
    path = reports.replace("*", re.sub(r"[/:@]", "_", image))
    found = [each for each in inventory.select_documents(Match(paths=(path,))) if isinstance(each.raw, dict)]
    if not found:
        yield Finding(owner, field, f"was never scanned: there is no {path}", path, image)
    for report in found:
        about = report.text("ArtifactName")
        if about != image:
            yield Finding(report, "ArtifactName", "is about another image", image, about)
        for result in report.sequence("Results"):
            for each in result.sequence("Vulnerabilities"):
                severity = each.text("Severity")
                if severity not in severities:
                    yield Finding(report, (*each.path, "Severity"), "was not asked for", severities, severity)
