"""Environment variables and mounted configuration of one container, resolved as the container will see them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube import credential
from conformance.kube.choosing import containers_of, place_of, pods_of
from conformance.kube.inventory import Inventory
from conformance.kube.mounted import mounted_file, source_of
from conformance.kube.object import Object
from conformance.kube.podspec import Container
from conformance.kube.references import references
from conformance.kube.variables import Variable, value_at, variables, whole_secrets
from conformance.scripts.steps import step

#: `-Dspring.datasource.password=…`, `?password=…`, `"password": "…"`
_PASSWORD_OPTION = re.compile(
    r"""(?ix) (?: \A | [\s?&;{,"'-] ) (?:-D)? [\w.]* password ["']? \s* [=:] \s* ["']? ([^\s&;'"},]+)"""
)
_CLIENTS = ("mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump")


@check
def test_variable(
    workload: Object,
    inventory: Inventory,
    *,
    name: str,
    value: str = "",
    matches: str = "",
    also: dict[str, str] | None = None,
    config_map: str = "",
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """A variable has the documented value once everything is resolved: `env` over `envFrom`, the last of one name.

    `matches` is a regular expression instead of one value; `also` are further variables with their values. `config_map`
    is where it has to come from. A value that only a Secret or an object not in these manifests knows is not the
    documented one.
    https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        known = variables(each, inventory)
        for one, wanted in {name: value, **(also or {})}.items():
            yield from _differs(each, one, known.get(one), wanted, matches if one == name else "", inventory)
        seen = known.get(name)
        if seen is not None and config_map and (seen.kind, seen.source) != ("ConfigMap", config_map):
            message = f"{name} does not come from ConfigMap {config_map}"
            yield Finding(each.pod.owner, seen.path, message, config_map, seen.source or "a literal")


def _differs(
    container: Container, name: str, seen: Variable | None, value: str, matches: str, inventory: Inventory
) -> Iterator[Finding]:
    if seen is None:
        yield Finding(container.pod.owner, (*container.path, "env"), f"{name} is not set", value or matches)
    elif (value and seen.value != value) or (matches and not re.search(matches, seen.value or "")):
        shown = None if seen.value is None or credential.evidence(seen.value) else seen.value
        at = value_at(seen, container, inventory)
        yield Finding(*at, f"{name} has another value", value or matches, shown)


@check
def test_password_from_secret(
    workload: Object,
    inventory: Inventory,
    *,
    names: list[str],
    secret: str = "",
    refused: list[str] | None = None,
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """Passwords come from the Secret (any Secret where none is named), and stand nowhere else in the environment.

    `NAME_FILE`, which official images read the password from, is as good as NAME. `optional: true` lets the container
    start without. A password also hides in a JDBC URL, before the host or as a parameter, in JSON, and in
    `-D…password=` of JAVA_TOOL_OPTIONS or the command line. `refused` are variables that make the password void, such
    as MYSQL_ALLOW_EMPTY_PASSWORD.
    https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-environment-variables
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        known = variables(each, inventory)
        for name in names:
            yield from _from_secret(each, name, secret, known)
        for name in refused or ():
            if name in known:
                yield Finding(each.pod.owner, known[name].path, f"{name} makes the password void", "not set")
        for word in (*each.sequence("command"), *each.sequence("args")):
            if _hidden_password(str(word.raw)):
                yield Finding(each.pod.owner, word.path, "a password stands on the command line", "a Secret")
        for variable in known.values():
            if variable.name not in names and _hidden_password(variable.value or ""):
                yield Finding(*value_at(variable, each, inventory), f"{variable.name} carries a password", "a Secret")


def _from_secret(container: Container, name: str, secret: str, known: Mapping[str, Variable]) -> Iterator[Finding]:
    owner, variable = container.pod.owner, known.get(name)
    if variable is None and f"{name}_FILE" in known:
        return
    if variable is None:
        wholes = whole_secrets(container)
        if not (secret in wholes if secret else wholes):
            yield Finding(owner, (*container.path, "env"), f"{name} is not set", f"from Secret {secret}")
    elif variable.kind != "Secret":
        yield Finding(owner, variable.path, f"{name} does not come from a Secret", f"from Secret {secret}")
    elif secret and variable.source != secret:
        yield Finding(owner, variable.path, f"{name} comes from another Secret", secret, variable.source)
    elif variable.optional:
        yield Finding(owner, (*variable.path, "optional"), f"the container starts without {name}", False, True)


def _hidden_password(value: str) -> bool:
    if credential.evidence(value):
        return True
    return any(not credential.is_placeholder(found.group(1)) for found in _PASSWORD_OPTION.finditer(value))


@check
def test_credentials_by_reference(workload: Object, inventory: Inventory, *, secrets: list[str]) -> Iterator[Said]:
    """The pods name each of the Secrets, and no literal and no command line carries a credential.

    What stands on a command line is in the list of processes, so `mysqldump -p$PASSWORD` shows it as much as
    `-pliteral`; MYSQL_PWD and a defaults file do not. A bare `-p` asks a terminal.
    https://kubernetes.io/docs/concepts/configuration/secret/
    """
    pod = pods_of(workload, inventory)
    if pod is None:
        return
    named = {each.name for each in references(pod) if each.kind == "Secret" and not each.optional}
    for secret in secrets:
        if secret not in named:
            yield Finding(pod.owner, (*pod.path, "containers"), f"nothing is taken from Secret {secret}", secret)
    for container in pod.containers:
        for variable in variables(container, inventory).values():
            value = variable.value or ""
            if credential.evidence(value) or (not variable.kind and credential.named(variable.name, value)):
                yield Finding(pod.owner, variable.path, f"{variable.name} is a literal", "a reference to a Secret")
        done = step(container, inventory)
        for command in done.shell.commands:
            client = command.name in _CLIENTS
            words = command.words[1:]
            if any((client and re.match(r"-p.", word)) or re.match(r"--password=.", word) for word in words):
                yield Finding(pod.owner, done.path, f"`{command.name}` is given the password as an argument")


@check
def test_config_without_credentials(config: Object, *, holds: list[str] | None = None) -> Iterator[Said]:
    """A ConfigMap holds no password, neither as a key nor inside a file or a URL; `holds` are expressions of values
    that it has to have.

    Whoever may view a namespace reads its ConfigMaps, and they lie in Git. `${NAME}` and other placeholders are none.
    https://kubernetes.io/docs/concepts/configuration/configmap/
    """
    data = {key: value for key, value in config.mapping("data").items() if isinstance(value, str)}
    for pattern in holds or ():
        if not any(re.search(pattern, value) for value in data.values()):
            yield Finding(config, "data", "a documented value is not there", pattern)
    encoded = {key: credential.decoded(str(value)) for key, value in config.mapping("binaryData").items()}
    for field, texts in (("data", data), ("binaryData", encoded)):
        for key, value in texts.items():
            named = credential.named(key.rpartition(".")[2], value)
            option = (found.group(1) for found in _PASSWORD_OPTION.finditer(value))
            inside = any(not credential.is_placeholder(each) for each in option)
            if named or inside or credential.evidence(value) or credential.assigned(value):
                yield Finding(config, (field, key), "a password stands in a ConfigMap", "a Secret")


@check
def test_config_mounted(
    workload: Object,
    inventory: Inventory,
    *,
    path: str,
    config_map: str,
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """A file of a container comes from the ConfigMap, and the ConfigMap has it.

    Mounting the directory is as good as mounting the file; the longest mount path wins, `items` may rename keys, and
    `optional: true` hides that nothing is there. A `subPath` is never refreshed, which is no fault.
    https://kubernetes.io/docs/concepts/storage/volumes/#configmap
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        file = mounted_file(each, path)
        if file is None or (file.kind, file.name) != ("ConfigMap", config_map):
            mount = each.pod.covering_mount(each, path)
            at = mount.path if mount is not None else (*each.path, "volumeMounts")
            observed = f"{file.kind} {file.name}" if file else None
            yield Finding(each.pod.owner, at, f"{path} does not come from ConfigMap {config_map}", config_map, observed)
            continue
        if file.optional:
            yield Finding(each.pod.owner, (*file.path, "optional"), "hides that nothing is mounted", False, True)
        config = source_of(each, file, inventory)
        if config is None:
            yield Finding(each.pod.owner, (*file.path, "name"), f"no ConfigMap {config_map} is declared", config_map)
        elif file.key not in config.mapping("data") and file.key not in config.mapping("binaryData"):
            yield Finding(config, "data", f"has no key {file.key}", file.key, sorted(config.mapping("data")))
