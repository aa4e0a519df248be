"""Which cluster, as whom: the user's kubeconfig or the pod's own service account.

The package `kubernetes` reads the configuration and logs in, with every way of logging in that it knows; its typed
models are never loaded, because they take 10 to 20 times as long as the raw pages they are made of.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from conformance.cluster.fault import ClusterError

#: a kubeconfig of more than this is none
_LARGEST = 4 << 20
_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
#: the name of the context of a pod's own service account
IN_CLUSTER = "in-cluster"
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass
class Access:
    """What `kubernetes.config` fills in; it has the attributes of that package's Configuration that we use."""

    host: str = ""
    ssl_ca_cert: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify_ssl: bool = True
    tls_server_name: str | None = None
    proxy: str | None = None
    no_proxy: str | None = None
    username: str | None = None
    password: str | None = None
    api_key: dict[str, str] = field(default_factory=dict)
    refresh_api_key_hook: Callable[[Any], None] | None = None

    @property
    def authorization(self) -> str | None:
        """The header's value, renewed first where the way of logging in asks for that."""
        if self.refresh_api_key_hook is not None:
            self.refresh_api_key_hook(self)
        # version 37 of the package says BearerToken, those before it authorization
        return self.api_key.get("BearerToken") or self.api_key.get("authorization")


@dataclass(frozen=True)
class Connection:
    """A cluster and who asks. `context`, `server` and `user` stand in every report."""

    context: str
    server: str
    user: str
    access: Access = field(repr=False, compare=False)

    def describe(self) -> dict[str, str]:
        """For the report's `target`."""
        return {"context": self.context, "server": self.server, "user": self.user}


def connect(context: str = "", kubeconfig: str = "", trees: Iterable[Path] = ()) -> Connection:
    """Read the configuration; nothing is sent yet.

    `kubeconfig` wins over `$KUBECONFIG`, that over `~/.kube/config`; without any, inside a pod, its service account is
    used. A kubeconfig inside one of `trees` (what is being checked) is refused: it may name a program to run as its
    way of logging in, and whoever writes a repository must not choose programs for those who check it.
    Raises ClusterError.
    """
    files = _files(kubeconfig)
    if not files:
        if os.environ.get(_IN_CLUSTER) and not context:
            return _in_cluster()
        raise ClusterError(f"{kubeconfig or '~/.kube/config'}: there is no kubeconfig (--kubeconfig FILE names one)")
    for file in files:
        _refuse_foreign(file, trees)
    return _from_kubeconfig(files, context)


def _files(kubeconfig: str) -> list[Path]:
    if kubeconfig:
        if not Path(kubeconfig).is_file():
            raise ClusterError(f"{kubeconfig}: there is no such kubeconfig")
        return [Path(kubeconfig)]
    named = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    return [each for each in named or [Path.home() / ".kube" / "config"] if each.is_file()]


def _refuse_foreign(file: Path, trees: Iterable[Path]) -> None:
    real = file.resolve()
    for tree in trees:
        if real.is_relative_to(tree.resolve()):
            raise ClusterError(f"{file}: a kubeconfig inside the checked tree is not used; name one of your own")


def _from_kubeconfig(files: list[Path], context: str) -> Connection:
    for file in files:
        _readable(file)
    from kubernetes.config import ConfigException, list_kube_config_contexts, load_kube_config

    joined = os.pathsep.join(str(each) for each in files)
    access = Access()
    try:
        known, current = list_kube_config_contexts(joined)
        chosen = next((each for each in known if each["name"] == context), None) if context else current
        if chosen is None:
            raise ClusterError(f"{joined}: there is no context {context}; {_names(known)}")
        load_kube_config(joined, context or None, access, persist_config=False)
    except ClusterError:
        raise
    except (ConfigException, KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        raise ClusterError(f"{joined}: {_first_line(error)}") from None
    if not access.host:
        raise ClusterError(f"{joined}: context {chosen['name']} names no server")
    user = str(chosen["context"].get("user", ""))
    if _runs_program(joined, user) and not (access.api_key or access.cert_file):
        raise ClusterError(f"{joined}: the program that user {user} logs in with gave no credentials")
    return Connection(chosen["name"], access.host, user, access)


def _readable(file: Path) -> None:
    """Our own words for what is no kubeconfig: the package's are a traceback for some of it."""
    try:
        if file.stat().st_size > _LARGEST:
            raise ClusterError(f"{file}: too large for a kubeconfig")
        raw = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ClusterError(f"{file}: {_first_line(error)}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("clusters") or [], list):
        raise ClusterError(f"{file}: this is no kubeconfig")


def _runs_program(joined: str, user: str) -> bool:
    for file in joined.split(os.pathsep):
        users = yaml.safe_load(Path(file).read_bytes()).get("users") or []
        found = next((each for each in users if isinstance(each, dict) and each.get("name") == user), None)
        if found is not None:
            return "exec" in (found.get("user") or {})
    return False


def _in_cluster() -> Connection:
    from kubernetes.config import ConfigException, load_incluster_config

    access = Access()
    try:
        load_incluster_config(access)
    except (ConfigException, OSError) as error:
        raise ClusterError(f"the pod's service account: {_first_line(error)}") from None
    namespace = _NAMESPACE_FILE.read_text().strip() if _NAMESPACE_FILE.is_file() else ""
    return Connection(IN_CLUSTER, access.host, f"service account in {namespace}" if namespace else "", access)


def _names(contexts: Iterable[dict[str, Any]]) -> str:
    names = sorted(str(each.get("name")) for each in contexts)
    return f"there are {', '.join(names)}" if names else "there are none"


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
