"""Secrets in Git: in clear text, or by a mechanism that keeps them out of it. No value is ever shown."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import credential, encryption
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Document, Node, Object, TextFile
from conformance.kube.path import Path
from conformance.kube.place import rendering
from conformance.kube.podspec import PodSpec
from conformance.kube.workload import is_controlled, is_long_running

_VALUES_FILE = re.compile(r"(?:\A|[/._-])values[^/]*\.ya?ml\Z")
_AGENT = "vault.hashicorp.com/agent-"
_SCOPES = ("sealedsecrets.bitnami.com/cluster-wide", "sealedsecrets.bitnami.com/namespace-wide")


@check
def test_no_plaintext_secrets(thing: Document, inventory: Inventory) -> Iterator[Said]:
    """No Secret, ConfigMap, environment variable, secret template or Helm value holds a credential in clear text.

    base64 is no encryption. One finding an object or file. In a Secret every value counts that is not empty, a
    placeholder, a public part (certificates, user names) or a configuration file without credentials; elsewhere only a
    private key, a token of a known form, a password in a URL, or a literal whose name says password or key. SOPS files
    count by the values it left readable. Secrets that a chart renders are not judged: what stands in Git are the
    chart's values, which are, in values files and in HelmReleases; not those below `ci/`, with which charts are tested.
    """
    if encryption.is_sops(thing):
        found = [(path, "a value that SOPS left readable") for path in encryption.clear_values(thing)]
    elif not isinstance(thing, Object):
        if not _VALUES_FILE.search(thing.origin.path) or "/ci/" in thing.origin.path:
            yield NotApplicable("neither an object nor a values file")
            return
        found = list(_in_values(thing))
    else:
        found = list(_in_object(thing, inventory))
    if found:
        path, what = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield Finding(thing, path, f"{what} stands in clear text{more}", "an encrypted value, or a reference")


def _in_object(thing: Object, inventory: Inventory) -> Iterator[tuple[Path, str]]:
    if thing.kind == "Secret" and thing.group == "":
        yield from () if _from_chart(thing) else _in_secret(thing)
    elif thing.kind == "ConfigMap" and thing.group == "":
        yield from _in_texts(thing, ("data",))
    elif thing.kind in ("ExternalSecret", "SealedSecret"):
        template = ("spec", "target", "template") if thing.kind == "ExternalSecret" else ("spec", "template")
        for field in ("data", "stringData"):
            yield from _in_texts(thing, (*template, field))
    elif thing.kind == "HelmRelease":
        yield from _in_values(thing.at("spec.values"))
    else:
        pod = inventory.pod_spec(thing)
        yield from () if pod is None or is_controlled(thing) else _in_environment(pod)


def _in_values(node: Node) -> Iterator[tuple[Path, str]]:
    """Helm values, however deep."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here.raw, dict):
            waiting += [Node(value, (*here.path, key)) for key, value in reversed(here.raw.items())]
        elif isinstance(here.raw, list):
            waiting += [Node(value, (*here.path, index)) for index, value in enumerate(here.raw)]
        elif isinstance(here.raw, str) and here.path:
            what = credential.in_values(str(here.path[-1]), here.raw)
            if what:
                yield here.path, what


def _from_chart(secret: Object) -> bool:
    return bool(rendering(secret)) and "/templates/" in secret.origin.path


def _in_secret(secret: Object) -> Iterator[tuple[Path, str]]:
    encoded, plain = secret.mapping("data"), secret.mapping("stringData")
    values = {key: credential.decoded(value) for key, value in encoded.items() if isinstance(value, str)}
    values.update({key: value for key, value in plain.items() if isinstance(value, str)})
    for key, what in credential.in_secret(secret.text("type"), values):
        yield ("stringData" if key in plain else "data", key), what


def _in_texts(thing: Object, field: Path) -> Iterator[tuple[Path, str]]:
    texts: Mapping[str, object] = thing.mapping(field)
    for key, value in texts.items():
        if isinstance(value, str):
            what = credential.evidence(value) or (f"a value for {key}" if credential.named(key, value) else "")
            if what:
                yield (*field, key), what


def _in_environment(pod: PodSpec) -> Iterator[tuple[Path, str]]:
    for container in pod.containers:
        for variable in container.sequence("env"):
            name, value = variable.get("name"), variable.get("value")
            if isinstance(value, str) and isinstance(name, str):
                what = credential.evidence(value) or (f"a value for {name}" if credential.named(name, value) else "")
                if what:
                    yield (*variable.path, "value"), what


@check
def test_no_credentials_in_text(file: TextFile) -> Iterator[Finding]:
    """A file of connection data holds no password, neither by name (`password = …`) nor in a URL (`user:pw@host`)."""
    for number, line in enumerate(file.lines, start=1):
        if line.lstrip().startswith(("#", "//", ";")):
            continue
        what = credential.evidence(line) or credential.assigned(line)
        if what:
            yield Finding(file, (number,), f"{what} stands in clear text", "the name of a Secret")


@check
def test_sops_whole(document: Document, inventory: Inventory) -> Iterator[Said]:
    """A SOPS file has its MAC and a recipient, in a Secret every value is encrypted, and a rule says who may decrypt.

    A too narrow `encrypted_regex` leaves values readable in a file that looks protected. A file whose recipients are
    not those of its rule was encrypted before somebody left (`sops updatekeys` mends it); where no `.sops.yaml` lies
    above a file here, nothing is said about rules. Rules of production name recipients of their own.
    https://getsops.io/docs/
    """
    if posixpath.basename(document.origin.path) == encryption.RULES_FILE:
        for rule, other in encryption.shared_with_production(encryption.rules(document)):
            message = f"the same keys decrypt {rule.pattern} and production's {other.pattern}"
            yield Finding(document, rule.path, message, "recipients of its own")
        return
    if not encryption.is_sops(document):
        yield NotApplicable("no SOPS file")
        return
    for path, problem in encryption.faults(document):
        yield Finding(document, path, problem)
    for path in encryption.clear_values(document):
        yield Finding(document, path, "is not encrypted", "ENC[…]")
    yield from _rule_kept(document, inventory)


def _rule_kept(document: Document, inventory: Inventory) -> Iterator[Finding]:
    if getattr(document.origin, "via", ""):
        return
    known = inventory.select_documents(Match(paths=(encryption.RULES_FILE,)))
    rule = encryption.rule_for(document.origin.path, known)
    if rule is None:
        yield Finding(document, "sops", f"no rule of {encryption.RULES_FILE} covers this file", "a creation rule")
    elif isinstance(rule, encryption.Rule) and rule.recipients:
        own = encryption.recipients(document.at("sops"))
        if own != rule.recipients:
            message = f"is not encrypted for the recipients of its rule ({rule.document.locate(rule.path)})"
            yield Finding(document, "sops", message, sorted(key for _, key in rule.recipients))


@check
def test_external_secret_store(secret: Object, inventory: Inventory) -> Iterator[Finding]:
    """An ExternalSecret names a store that exists, and is fetched again from time to time.

    The store is looked for where these manifests declare stores of that kind at all; others are set up elsewhere.
    `refreshInterval: 0` fetches once, which `refreshPolicy: CreatedOnce` says openly.
    https://external-secrets.io/latest/api/externalsecret/
    """
    spec = secret.at("spec.externalSecretSpec" if secret.kind == "ClusterExternalSecret" else "spec")
    interval = spec.get("refreshInterval")
    if str(interval) in ("0", "0s", "0m", "0h") and spec.text("refreshPolicy", "Periodic") == "Periodic":
        yield Finding(secret, (*spec.path, "refreshInterval"), "is fetched once and never again", "1h", interval)
    name, kind = spec.text("secretStoreRef.name"), spec.text("secretStoreRef.kind", "SecretStore")
    stores = list(inventory.of_kind(kind, "external-secrets.io"))
    if kind == "SecretStore":
        stores = [each for each in stores if each.namespace == secret.namespace]
    if name and "$" not in name and stores and name not in {each.name for each in stores}:
        field = (*spec.path, "secretStoreRef", "name")
        yield Finding(secret, field, f"there is no {kind} {name}", sorted(each.name for each in stores), name)


@check
def test_sealed_strictly(sealed: Object) -> Iterator[Finding]:
    """A SealedSecret is sealed for its own name and namespace (scope `strict`, the default).

    https://github.com/bitnami-labs/sealed-secrets#scopes
    """
    for place in ("metadata.annotations", "spec.template.metadata.annotations"):
        for scope in _SCOPES:
            if str(sealed.mapping(place).get(scope, "")).lower() == "true":
                message = "may be unsealed under another name" + (" in any namespace" if scope == _SCOPES[0] else "")
                yield Finding(sealed, (*place.split("."), scope), message, "the strict scope")
                return


@check
def test_vault_agent(pod: PodSpec) -> Iterator[Said]:
    """An injected Vault Agent has a role, and keeps running where the workload does.

    A role may also come from `agent-configmap`. `agent-pre-populate-only` makes the agent an init container, so what it
    fetched is never renewed. https://developer.hashicorp.com/vault/docs/platform/k8s/injector/annotations
    """
    notes = pod.annotations
    if notes.get(f"{_AGENT}inject") != "true":
        yield NotApplicable("no Vault Agent is injected")
        return
    field = (*pod.metadata_path, "annotations")
    if not any(notes.get(each) for each in ("vault.hashicorp.com/role", f"{_AGENT}configmap")):
        yield Finding(pod.owner, (*field, f"{_AGENT}inject"), "names no role", "vault.hashicorp.com/role")
    if notes.get(f"{_AGENT}pre-populate-only") == "true" and is_long_running(pod):
        message = "the agent stops after the start, so nothing is renewed"
        yield Finding(pod.owner, (*field, f"{_AGENT}pre-populate-only"), message, "false")
