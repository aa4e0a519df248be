"""Files of a repository that are no manifests: kustomizations, charts, state, migrations, database settings, images."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.environment import PRODUCTION, environment_at, environment_of, other_environment
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, Node, TextFile

_REFERENCES = ("resources", "bases", "components", "patchesStrategicMerge", "configurations", "crds", "generators")
_HOST = re.compile(r"\A(?:[a-z+]+::)?(?:https?://|ssh://|git@|[\w-]+(?:\.[\w-]+)+/[\w.-]+/)")
_REF = re.compile(r"[?&](?:ref|version)=([^&]+)")
_BRANCHES = {"main", "master", "head", "develop", "dev", "trunk", "latest"}
_SEMVER = re.compile(r"\Av?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\Z")
_EXACT = re.compile(r"\A[=v\s]*\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?\Z")
_MIGRATION = re.compile(r"\A(\d{3})_(.+?)(?:\.(?:up|down))?\.sql\Z")
_BUILDS = re.compile(
    r"(?i)\b(?:go (?:build|install)|mvnw? .*\b(?:package|install)|gradlew? .*\bbuild|cargo (?:build|install)|"
    r"npm run build|yarn (?:run )?build|pnpm (?:run )?build|dotnet (?:build|publish)|cmake --build|"
    r"make(?: all| install)?)\b"
)


@check
def test_remote_bases_pinned(kustomization: Document) -> Iterator[Said]:
    """A remote base is named by a tag or commit: `?ref=v1.2.0`, or a URL that has one in its path.

    No ref means the default branch, and the name of a branch is no pin either. Of other URLs to single files nothing is
    known, so only those with a branch or `latest` in their path are reported.
    https://github.com/kubernetes-sigs/kustomize/blob/master/examples/remoteBuild.md
    """
    remote = [(path, url) for path, url in _references(kustomization) if _HOST.match(url)]
    if not remote:
        yield NotApplicable("no remote base")
    for path, url in remote:
        found = _REF.search(url)
        ref = found.group(1) if found else ""
        is_file = url.endswith((".yaml", ".yml", ".json"))
        floating = any(part.lower() in _BRANCHES for part in url.partition("?")[0].split("/")[3:])
        if (ref.lower() in _BRANCHES) or (floating and is_file) or (not ref and not is_file):
            yield Finding(kustomization, path, f"{url} is another thing tomorrow", "?ref= with a tag or commit", url)


def _references(kustomization: Document) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Paths and URLs of other files and directories that a kustomization names, with where it names them."""
    for field in _REFERENCES:
        for each in kustomization.sequence(field):
            if isinstance(each.raw, str) and "\n" not in each.raw:
                yield each.path, each.raw
    for each in kustomization.sequence("patches"):
        if isinstance(each.raw, dict) and isinstance(each.raw.get("path"), str):
            yield (*each.path, "path"), each.raw["path"]


@check
def test_environments_separate(kustomization: Document) -> Iterator[Said]:
    """An overlay of production names no file or namespace of another environment, nor another one those of production.

    Bases that speak of no environment may be shared. Only what differs between the two paths is compared, and with the
    namespace only the overlay's own directory.
    """
    folder = posixpath.dirname(kustomization.origin.path)
    namespace = kustomization.get("namespace")
    own, other = environment_of(posixpath.basename(folder)), environment_of(str(namespace or ""))
    if own and other and own != other and PRODUCTION in (own, other):
        yield Finding(kustomization, "namespace", f"{own} goes to a namespace of {other}", "its own", namespace)
    for path, reference in _references(kustomization):
        if _HOST.match(reference):
            continue
        own, other = other_environment(folder, reference)
        if PRODUCTION in (own, other):
            message = f"{own} takes {reference} of {other}"
            yield Finding(kustomization, path, message, "base, or its own environment", reference)


@check
def test_base_neutral(document: Document) -> Iterator[Said]:
    """A file below `base/` names no namespace of one environment.

    Kustomize's namespace transformer knows the fields of built-in kinds only, so such a name survives in others.
    """
    if getattr(document.origin, "via", "") or not isinstance(document.raw, dict):
        yield NotApplicable("rendered, or no mapping")
        return
    for field in ("metadata.namespace", "namespace"):
        name = Node(document.raw).get(field) if field == "namespace" or "metadata" in document.raw else None
        if isinstance(name, str) and environment_of(name):
            message = f"the base speaks of {environment_of(name)}"
            yield Finding(document, field, message, "the overlay's namespace", name)


@check
def test_chart_metadata(chart: Document, inventory: Inventory) -> Iterator[Finding]:
    """Chart.yaml has `apiVersion: v2`, a name, a semantic version, and dependencies that are the same tomorrow.

    A range of versions needs Chart.lock. Without a repository a dependency must lie below charts/, packed or not.
    https://helm.sh/docs/topics/charts/#the-chartyaml-file
    """
    if chart.get("apiVersion") != "v2":
        yield Finding(chart, "apiVersion", "is a chart of Helm 2", "v2", chart.get("apiVersion"))
    if not chart.text("name"):
        yield Finding(chart, "name", "has no name", "a name")
    version = str(chart.get("version", ""))
    if not _SEMVER.match(version) and "$" not in version:
        yield Finding(chart, "version", "is no semantic version", "such as 1.0.0", version)
    folder = posixpath.dirname(chart.origin.path)
    files = {each for each in inventory.files if each.startswith(folder + "/" if folder else "")}
    for dependency in chart.sequence("dependencies"):
        yield from _dependency(chart, dependency, folder, files)


def _dependency(chart: Document, dependency: Node, folder: str, files: set[str]) -> Iterator[Finding]:
    name, repository = dependency.text("name"), dependency.text("repository")
    vendored = any(each.startswith(posixpath.join(folder, "charts", name)) for each in files)
    if not repository and not vendored:
        message = f"dependency {name} has no repository and no copy below charts/"
        yield Finding(chart, (*dependency.path, "repository"), message, "a repository URL")
    version = str(dependency.get("version", ""))
    locked = posixpath.join(folder, "Chart.lock") in files
    if not _EXACT.match(version) and not locked and not vendored and not repository.startswith("file:"):
        message = f"dependency {name} is whatever version is newest"
        yield Finding(chart, (*dependency.path, "version"), message, "one version, or Chart.lock", version or None)


@check
def test_chart_documented(chart: Document, inventory: Inventory) -> Iterator[Said]:
    """A chart has a README beside Chart.yaml; copies of other charts below charts/ bring their own or not."""
    folder = posixpath.dirname(chart.origin.path)
    if "/charts/" in f"/{posixpath.dirname(folder)}/" and _is_subchart(folder, inventory):
        yield NotApplicable("a dependency of another chart")
    elif chart.text("type") == "library":
        yield NotApplicable("a library, which nobody installs")
    elif not any(each.startswith(posixpath.join(folder, "README")) for each in inventory.files):
        yield Finding(chart, "name", "has no README", "README.md beside Chart.yaml")


def _is_subchart(folder: str, inventory: Inventory) -> bool:
    return posixpath.join(posixpath.dirname(posixpath.dirname(folder)), "Chart.yaml") in inventory.files


@check
def test_no_state_files(files: list[TextFile]) -> Iterator[Finding]:
    """No Terraform state lies in the repository: it holds every attribute in clear text, passwords included."""
    for file in files:
        if ".tfstate" in posixpath.basename(file.path):
            yield Finding(file, (1,), "Terraform state lies in the repository", "a remote backend")


@check
def test_migrations_numbered(files: list[TextFile]) -> Iterator[Said]:
    """Migrations of one directory, named `NNN_description.sql`, have each number once and leave none out.

    The `.up.sql` and `.down.sql` halves are one migration. Other ways of naming are those of other tools.
    """
    folders: dict[str, dict[int, dict[str, TextFile]]] = defaultdict(lambda: defaultdict(dict))
    for file in files:
        found = _MIGRATION.match(posixpath.basename(file.path))
        if found:
            folders[posixpath.dirname(file.path)][int(found.group(1))].setdefault(found.group(2), file)
    if not folders:
        yield NotApplicable("no file is named NNN_description.sql")
    for numbers in folders.values():
        for number, names in sorted(numbers.items()):
            first, *others = sorted(names.values(), key=lambda each: each.path)
            for other in others:
                message = f"{number:03} is the number of {posixpath.basename(first.path)} too"
                yield Finding(other, (1,), message, "a number of its own")
            if number - 1 not in numbers and number != min(numbers):
                yield Finding(first, (1,), f"there is no migration {number - 1:03} before it", "no gap")


@check
def test_seeds_outside_production(files: list[TextFile]) -> Iterator[Finding]:
    """No seed data lies in a directory of production: one of the two that hold the directory of seeds.

    Further up a directory may speak of where the repository was checked out.
    """
    for file in files:
        parents = posixpath.dirname(file.path).rpartition("/seed")[0].split("/")[-2:]
        if environment_at("/".join(parents)) == PRODUCTION:
            yield Finding(file, (1,), "seed data lies in production", "development or staging")


@check
def test_database_files(file: TextFile) -> Iterator[Finding]:
    """No `recovery.conf`, and no host that PostgreSQL trusts without a password.

    PostgreSQL 12 and later refuse to start when recovery.conf exists; no older version is supported any more. `trust`
    for the machine itself is another matter. https://www.postgresql.org/docs/current/auth-trust.html
    """
    if posixpath.basename(file.path) == "recovery.conf":
        yield Finding(file, (1,), "PostgreSQL 12 and later refuse to start with this file", "standby.signal")
        return
    if posixpath.basename(file.path) != "pg_hba.conf":
        return
    for number, line in enumerate(file.lines, start=1):
        words = line.partition("#")[0].split()
        trusted = len(words) > 4 and words[0].startswith("host") and words[-1] == "trust"
        if trusted and not words[3].startswith(("127.", "::1", "localhost", "samehost")):
            yield Finding(file, (number,), "lets other hosts in without a password", "scram-sha-256")


@check
def test_load_test_thresholds(script: TextFile) -> Iterator[Said]:
    """A k6 script with checks has thresholds: a failed check alone leaves the exit code 0.

    https://grafana.com/docs/k6/latest/using-k6/thresholds/
    """
    text = script.text
    if not re.search(r"from\s+['\"]k6['\"]", text) or not re.search(r"\bcheck\s*\(", text):
        yield NotApplicable("no k6 script with checks")
    elif not re.search(r"\bthresholds\b['\"]?\s*[:=]", text):
        line = next(number for number, each in enumerate(script.lines, start=1) if re.search(r"\bcheck\s*\(", each))
        yield Finding(script, (line,), "the check fails without failing the run", "thresholds in the options")


@check
def test_image_build_staged(dockerfile: TextFile) -> Iterator[Said]:
    """An image that is compiled is built in stages, so that the compiler stays behind.

    Images that only copy or install need no second stage.
    https://docs.docker.com/build/building/multi-stage/
    """
    stages = [n for n, line in enumerate(dockerfile.lines, start=1) if re.match(r"(?i)\s*FROM\s", line)]
    builds = [
        number
        for number, line in enumerate(dockerfile.lines, start=1)
        if re.match(r"(?i)\s*(RUN|&&)\s", line) and _BUILDS.search(line)
    ]
    if not stages or not builds:
        yield NotApplicable("nothing is compiled")
    elif len(stages) == 1:
        message = "the compiler and the sources stay in the image"
        yield Finding(dockerfile, (builds[0],), message, "a second FROM that copies the result")
