"""The options of a run, once for the command and for pytest: both take them by the same words and mean the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.settings import Settings

_MANY: dict[str, Any] = {"action": "append", "default": []}
_FLAG: dict[str, Any] = {"action": "store_true"}

#: option -> what argparse and pytest's parser are told of it
OPTIONS: dict[str, dict[str, Any]] = {
    "--profile": _MANY | {"metavar": "NAME", "help": "profile to hold it to; may be repeated"},
    "--policies": _MANY | {"metavar": "DIR", "help": "folder with profiles of your own"},
    "--report": _MANY | {"metavar": "FORMAT=FILE", "help": "also write a report; FILE may be -; may be repeated"},
    "--waivers": _MANY | {"metavar": "FILE", "help": "findings that are accepted for a while"},
    "--exclude": _MANY | {"metavar": "GLOB", "help": "paths that are not judged"},
    "--values": _MANY | {"metavar": "CHART=FILE", "help": "extra values file for charts"},
    "--advisory": _MANY | {"metavar": "GLOB", "help": "requirements that only warn"},
    "--kube-version": {"default": "", "metavar": "VERSION", "help": "Kubernetes version of schemas and charts"},
    "--schemas": {"default": "", "metavar": "FILE", "help": "schemas taken from a cluster, not those of a version"},
    "--as-of": {
        "default": "",
        "metavar": "DATE",
        "help": "judge the age of dated evidence against that day, or `today`",
    },
    "--fail-on": {"default": "info", "metavar": "SEVERITY", "help": "less severe requirements only warn"},
    "--jobs": {"type": int, "default": 0, "metavar": "N", "help": "processes (default: one for each core)"},
    "--hardened": _FLAG | {"help": "advice (SHOULD, MAY) fails too"},
    "--no-cache": _FLAG | {"help": "read every file anew"},
    "--no-render": _FLAG | {"help": "do not run helm or kustomize"},
    "--allow-network": _FLAG | {"help": "let helm and kustomize fetch what they refer to"},
}


def destination(option: str) -> str:
    """The name under which parsers keep an option: `--fail-on` is `fail_on`."""
    return option.removeprefix("--").replace("-", "_")


def written(value_of: Callable[[str], Any]) -> list[str]:
    """The options as arguments again; `value_of` gives the value kept under a destination."""
    arguments: list[str] = []
    for option, told in OPTIONS.items():
        value = value_of(destination(option))
        if told.get("action") == "store_true":
            arguments += [option] if value else []
        else:
            arguments += [f"{option}={each}" for each in (value if isinstance(value, list) else [value])]
    return arguments


def settings_of(paths: list[str], value_of: Callable[[str], Any]) -> Settings:
    """The options as settings, before plumbline.toml is read."""
    from conformance.settings import Settings

    return Settings(
        paths=tuple(paths),
        profiles=tuple(value_of("profile")),
        policies=tuple(value_of("policies")),
        waivers=tuple(value_of("waivers")),
        exclude=tuple(value_of("exclude")),
        values=tuple(value_of("values")),
        advisory=tuple(value_of("advisory")),
        kube_version=value_of("kube_version"),
        schemas=value_of("schemas"),
        as_of=value_of("as_of"),
        fail_on=value_of("fail_on"),
        jobs=value_of("jobs"),
        hardened=value_of("hardened"),
        cache=not value_of("no_cache"),
        render=not value_of("no_render"),
        allow_network=value_of("allow_network"),
    )
