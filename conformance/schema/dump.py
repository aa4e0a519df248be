"""Taking the schemas of a running API server: `plumbline schemas`. Reads only, with GET requests."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.schema import openapi
from conformance.schema.store import group_and_kind
from conformance.schema.structural import without_prose

Fetch = Callable[[str], bytes]
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SECONDS = 60


class DumpError(RuntimeError):
    """The server could not be asked, or its answer is no OpenAPI v3."""


def dump_schemas(fetch: Fetch, version: str = "") -> bytes:
    """Schemas of every kind a server serves, in the form that `SchemaSet.read` reads: gzip over JSON.

    `fetch` takes a path of the API (`/openapi/v3`) and gives the body. `version` is what the file says of itself; by
    default what the server answers at `/version`. Custom resources are taken from their CustomResourceDefinitions,
    because the OpenAPI made from them does not tell which fields are pruned. The same server gives the same bytes.

    An API version that is switched off on the server has no schema there: start it with `--runtime-config=api/all=true`
    (and `--feature-gates=AllAlpha=true,AllBeta=true`) to take everything it could serve.

    Raises `DumpError`.
    """
    try:
        version = version or json.loads(fetch("/version"))["gitVersion"]
        groups = json.loads(fetch("/openapi/v3"))["paths"]
        documents = [
            json.loads(fetch(groups[name]["serverRelativeURL"]))
            for name in sorted(groups)
            if name.startswith(("api/", "apis/"))
        ]
        crds = [without_prose(crd) for crd in json.loads(fetch(_CRDS))["items"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DumpError(f"the server's answer is not what an API server gives: {error!r}") from error
    components = {
        name: schema for each in documents for name, schema in each.get("components", {}).get("schemas", {}).items()
    }
    custom = {(crd["spec"]["group"], crd["spec"]["names"]["kind"]) for crd in crds}
    kinds = {key: value for key, value in openapi.kinds(documents).items() if group_and_kind(key) not in custom}
    found = {
        "version": version,
        "kinds": kinds,
        "crds": crds,
        "definitions": openapi.definitions(components, [name for name, _ in kinds.values()]),
    }
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), mtime=0)


def kubectl(context: str | None = None, kubeconfig: Path | None = None) -> Fetch:
    """A fetcher that asks through `kubectl get --raw`, which knows every way to log in.

    Raises `DumpError` when kubectl is absent, fails, or takes longer than a minute for one answer.
    """
    asked = ["kubectl"]
    asked += [f"--kubeconfig={kubeconfig}"] if kubeconfig else []
    asked += [f"--context={context}"] if context else []

    def fetch(path: str) -> bytes:
        try:
            done = subprocess.run([*asked, "get", "--raw", path], capture_output=True, timeout=_SECONDS, check=False)
        except FileNotFoundError as error:
            raise DumpError("kubectl is not on PATH") from error
        except subprocess.TimeoutExpired as error:
            raise DumpError(f"kubectl get --raw {path} took longer than {_SECONDS} seconds") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise DumpError(f"kubectl get --raw {path}: {said[-1] if said else f'exit code {done.returncode}'}")
        return done.stdout

    return fetch


def command(context: str, kubeconfig: str, output: str) -> int:
    """What `plumbline schemas` does; gives its exit code: 0, or 4 with one line on stderr."""
    try:
        said = dump(Path(output), context=context, kubeconfig=Path(kubeconfig) if kubeconfig else None)
    except (DumpError, OSError) as error:
        sys.stderr.write(f"plumbline: {error}\n")
        return 4
    sys.stdout.write(said + "\n")
    return 0


def dump(output: Path, *, context: str | None = None, kubeconfig: Path | None = None, version: str = "") -> str:
    """Take the schemas of a server into a file; gives a sentence about what was taken.

    Raises `DumpError`, `OSError`.
    """
    found = dump_schemas(kubectl(context, kubeconfig), version)
    output.write_bytes(found)
    read: dict[str, Any] = json.loads(gzip.decompress(found))
    return f"{read['version']}: {len(read['kinds'])} kinds and {len(read['crds'])} custom resources in {output}"
