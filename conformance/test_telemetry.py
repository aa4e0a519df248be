"""A Java agent that an init container fetches: that it arrives, is the right one, and speaks what is listened for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import demand
from conformance.kube.choosing import containers_of, place_of, pods_of, runs_image, tag_of
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import Container, PodSpec
from conformance.kube.relations import relations
from conformance.kube.variables import variables
from conformance.kube.versions import version_of
from conformance.mesh.membership import Dataplane, membership
from conformance.scripts.shell import Command
from conformance.scripts.steps import Step, step

_AGENT = re.compile(r"-javaagent:([^\s=,\"']+)")
_VERSION = re.compile(r"/v?(\d+\.\d+\.\d+)/|-(\d+\.\d+\.\d+)\.jar|/(latest)/")
_FETCHING = ("curl", "wget", "git", "aria2c", "pip", "npm", "apk", "apt-get")
_INSIDE = re.compile(r"(?:\A[^.]+\Z|\.svc\Z|\.svc\.|\.cluster\.local\Z|\Alocalhost\Z|\A127\.)")


def _fetches(container: Container, inventory: Inventory) -> tuple[Step, list[tuple[Command, str]]]:
    """Commands of a container that fetch something by URL, variables of the container filled in."""
    done = step(container, inventory)
    known = {name: each.value for name, each in variables(container, inventory).items() if each.value is not None}
    found = []
    for command in done.shell.commands:
        for word in command.words[1:] if command.name in _FETCHING else ():
            url = re.sub(r"\$\{?(\w+)\}?", lambda at: known.get(at[1], at[0]), word)
            if re.match(r"https?://", url):
                found.append((command, url))
    return done, found


def _init(pod: PodSpec) -> list[Container]:
    return [each for each in pod.containers if each.kind == "initContainer" and not each.sidecar]


@check
def test_java_agent(
    workload: Object, inventory: Inventory, *, path: str, image_name: str = "", container: str = ""
) -> Iterator[Said]:
    """The JVM is started with the agent, and an init container puts it on a volume that both mount.

    A jar that is not there keeps the JVM from starting at all. Other options beside it in JAVA_TOOL_OPTIONS are fine.
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        options = variables(each, inventory).get("JAVA_TOOL_OPTIONS")
        if options is None or path not in _AGENT.findall(options.value or ""):
            at = options.path if options is not None else (*each.path, "env")
            yield Finding(each.pod.owner, at, "the JVM is not started with the agent", f"-javaagent:{path}")
        mount = each.pod.covering_mount(each, path)
        if mount is None or mount.volume is None:
            yield Finding(each.pod.owner, (*each.path, "volumeMounts"), f"no volume is mounted where {path} is")
            continue
        below = path.removeprefix(mount.text("mountPath").rstrip("/"))
        if not any(_writes(one, mount.volume.name, below, inventory) for one in _init(each.pod)):
            message = f"no init container writes {path} to volume {mount.volume.name}"
            yield Finding(each.pod.owner, (*each.pod.path, "initContainers"), message)


def _writes(container: Container, volume: str, below: str, inventory: Inventory) -> bool:
    places = [each for each in container.mounts if each.volume is not None and each.volume.name == volume]
    text = step(container, inventory).shell.text
    return any(f"{each.text('mountPath').rstrip('/')}{below}" in text for each in places)


@check
def test_download(
    workload: Object,
    inventory: Inventory,
    *,
    init_container: str,
    image_name: str,
    tag: str,
    version: str,
    target: str,
) -> Iterator[Said]:
    """An init container of that name and image fetches that version as that file, and fails when it cannot.

    `target` is the file's name; that it lies where the application looks for it is another requirement.

    Without `-f` curl keeps the server's error page as the file, and without `-L` it does not follow the redirect by
    which GitHub serves its releases.
    """
    pod = pods_of(workload, inventory)
    named = [each for each in _init(pod) if each.name == init_container] if pod is not None else []
    if not named:
        yield Finding(*place_of(workload, inventory, "initContainer"), f"no init container {init_container}")
    for each in named:
        owner = each.pod.owner
        if not runs_image(each, image_name) or tag_of(each) != tag:
            expected = f"{image_name}:{tag}"
            yield Finding(owner, (*each.path, "image"), "is another image", expected, each.text("image"))
        done, fetched = _fetches(each, inventory)
        right = [command for command, url in fetched if version in _versions(url)]
        if not right:
            yield Finding(owner, done.path, f"does not fetch version {version}", version, [url for _, url in fetched])
        elif target not in done.shell.text:
            yield Finding(owner, done.path, f"does not write {target}", target)
        for command in right:
            letters = "".join(word[1:] for word in command.words if re.fullmatch(r"-[a-zA-Z]+", word))
            for letter, long in (("f", "--fail"), ("L", "--location")) if command.name == "curl" else ():
                if letter not in letters and not any(word.startswith(long) for word in command.words):
                    yield Finding(owner, done.path, f"curl is called without {long}", f"-{letter}")


def _versions(url: str) -> set[str]:
    return {part for found in _VERSION.findall(url) for part in found if part}


@check
def test_otlp_protocol(
    workload: Object, inventory: Inventory, *, image_name: str = "", container: str = ""
) -> Iterator[Said]:
    """The agent speaks to the port what is listened for there: gRPC to 4317, HTTP to 4318.

    The Java agent before 2.0 speaks gRPC unless told otherwise, from 2.0 on http/protobuf. A URL with `latest` is a 2.x
    today and hides when that changes. https://opentelemetry.io/docs/zero-code/java/agent/
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        known = {name: one.value or "" for name, one in variables(each, inventory).items()}
        endpoint = known.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or known.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
        told = known.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or known.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")
        wanted = {4317: "grpc", 4318: "http/protobuf"}.get(_port(endpoint))
        if wanted is None:
            yield NotApplicable("no OTLP endpoint of a known port")
            continue
        at, version = _agent_version(each.pod, inventory)
        default = "grpc" if version and version[0] == 1 else "http/protobuf"
        if not told and not version:
            yield Finding(each.pod.owner, at, "the version of the agent, and so its protocol, is not known", wanted)
        elif (told or default) != wanted and not (told == "http/json" and wanted == "http/protobuf"):
            message = f"the agent speaks {told or default} to port {_port(endpoint)}"
            yield Finding(each.pod.owner, at, message, wanted, told or default)


def _port(endpoint: str) -> int:
    try:
        return urlsplit(endpoint).port or 0
    except ValueError:
        return 0


def _agent_version(pod: PodSpec, inventory: Inventory) -> tuple[tuple[str | int, ...], tuple[int, ...]]:
    for each in _init(pod):
        done, fetched = _fetches(each, inventory)
        for _, url in fetched:
            if url.endswith(".jar"):
                numbers = [version_of(text) for text in _versions(url) if text != "latest"]
                return done.path, numbers[0] if numbers else ()
    return (*pod.path, "initContainers"), ()


@check
def test_download_hardened(workload: Object, inventory: Inventory, *, init_container: str) -> Iterator[Said]:
    """An init container that fetches code is bounded, unprivileged, and compares what it got with a checksum."""
    for each in containers_of(workload, inventory, init_container, kind="initContainer"):
        owner, pod = each.pod.owner, each.pod
        for resource in ("cpu", "memory"):
            if demand.requested(each, resource) is None or demand.limited(each, resource) is None:
                yield Finding(owner, (*each.path, "resources"), f"{resource} is not requested and limited")
        for field, wanted in (("runAsNonRoot", True), ("allowPrivilegeEscalation", False)):
            counts = pod.effective(each, field)
            if counts.raw is not wanted:
                yield Finding(owner, counts.path, f"{field} of {each.name} differs", wanted, counts.raw)
        done = step(each, inventory)
        if not any(command.name in ("sha256sum", "shasum") for command in done.shell.commands):
            yield Finding(owner, done.path, "what was fetched is not verified", "sha256sum -c")


@check
def test_starts_offline(workload: Object, inventory: Inventory) -> Iterator[Said]:
    """No init container needs the Internet, or every restart and every scale-out does; hosts with a dot that are not of
    the cluster are the Internet."""
    pod = pods_of(workload, inventory)
    for each in _init(pod) if pod is not None else ():
        done, fetched = _fetches(each, inventory)
        for _, url in fetched:
            if not _INSIDE.search(urlsplit(url).hostname or ""):
                message = f"init container {each.name} fetches from the Internet at every start"
                yield Finding(each.pod.owner, done.path, message, "shipped in the image", urlsplit(url).hostname)


@check
def test_init_traffic(workload: Object, inventory: Inventory) -> Iterator[Said]:
    """An init container that fetches works in the mesh: its traffic is not taken before there is a proxy.

    istio-init comes last and spoils nothing. Istio's CNI plugin takes the traffic before any init container runs; then
    the proxy has to be a native sidecar, or the container to run as user 1337, or the ports to be excluded.
    https://istio.io/latest/docs/setup/additional-setup/cni/#compatibility-with-application-init-containers
    """
    pod = pods_of(workload, inventory)
    if pod is None:
        return
    member = membership(pod, relations(inventory).namespace(workload.namespace), ambient_in_use=False)
    plugins = [each for each in inventory.pods() if any(runs_image(one, "*/install-cni") for one in each.containers)]
    native = any(
        entry.get("name") == "ENABLE_NATIVE_SIDECARS" and entry.get("value") == "true"
        for each in inventory.pods()
        for one in each.containers
        for entry in one.sequence("env")
    )
    excluded = any(name.startswith("traffic.sidecar.istio.io/excludeOutbound") for name in pod.annotations)
    if member.dataplane is Dataplane.NONE or not plugins or native or excluded:
        return
    for each in _init(pod):
        done, fetched = _fetches(each, inventory)
        if fetched and pod.effective(each, "runAsUser").raw != 1337:
            message = f"{plugins[0].owner} takes the traffic of {each.name} before there is a proxy"
            yield Finding(pod.owner, done.path, message, "a native sidecar, or user 1337")
