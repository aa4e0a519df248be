"""What one run is asked to do: options of the command line over `plumbline.toml` of the checked tree."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from conformance.finding import SEVERITIES

CONFIG = "plumbline.toml"
#: judged when neither the command line nor a plumbline.toml names a profile: they demand nothing undeclared
GENERIC_PROFILES = ("gitops", "pod-security")
#: what such a run only advises: hardly any repository was written for the restricted level, and a gate that is red on
#: the first day is switched off on the second. Named by --profile or a plumbline.toml, the profile means what it says
GENERIC_ADVISORY = ("pod-security-restricted-*",)
#: always judged: everything that was given can be read
OWN_PROFILE = "sources"
PACKAGE = Path(__file__).parent


class UsageError(ValueError):
    """Options or a plumbline.toml that make no sense; one line, exit code 4."""


@dataclass(frozen=True, slots=True)
class Target:
    """Paths judged together as one system, by some profiles. `name` is empty when there is only one target."""

    name: str
    paths: tuple[str, ...]
    profiles: tuple[str, ...]


@dataclass(slots=True)
class Settings:
    """Everything a run depends on besides the files it judges."""

    paths: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    waivers: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    kube_version: str = ""
    schemas: str = ""
    as_of: str = ""
    advisory: tuple[str, ...] = ()
    hardened: bool = False
    fail_on: str = "info"
    jobs: int = 0
    cache: bool = True
    render: bool = True
    allow_network: bool = False
    targets: tuple[Target, ...] = field(default=())
    #: what was said on the command line besides paths, to ask the same again
    options: tuple[str, ...] = ()

    @property
    def day(self) -> date | None:
        """The day of `--as-of`; `today` in UTC. None when nobody said: then no age is judged."""
        if self.as_of == "today":
            return datetime.now(UTC).date()
        return date.fromisoformat(self.as_of) if self.as_of else None


#: key of plumbline.toml -> type; a list holds strings
_KEYS: Mapping[str, type] = {
    "profiles": list,
    "policies": list,
    "waivers": list,
    "exclude": list,
    "values": list,
    "advisory": list,
    "kube_version": str,
    "schemas": str,
    "hardened": bool,
    "fail_on": str,
    "render": bool,
    "targets": dict,
}


def resolve(given: Settings) -> Settings:
    """`given` completed by the plumbline.toml of the first path that has one; what is given wins over the file.

    Lists of paths in the file are relative to it. Raises UsageError for a path that does not exist, an unknown key, a
    wrong type or an unknown severity, naming the file.
    """
    if given.jobs < 0:
        raise UsageError(f"--jobs {given.jobs}: 0 (one for each core) or more")
    for path in given.paths:
        if not path:
            raise UsageError("a PATH is empty: is a variable not set?")
        if not Path(path).exists():
            raise UsageError(f"{path}: no such file or directory")
    config = next((file for path in given.paths if (file := Path(path) / CONFIG).is_file()), None)
    declared = _read(config) if config else {}
    base = config.parent if config else Path()
    settings = Settings(
        paths=given.paths,
        profiles=given.profiles or tuple(declared.get("profiles", ())),
        policies=given.policies or _paths(base, declared.get("policies", ())),
        waivers=given.waivers or _paths(base, declared.get("waivers", ())),
        exclude=(*given.exclude, *declared.get("exclude", ())),
        values=given.values or tuple(declared.get("values", ())),
        kube_version=given.kube_version or declared.get("kube_version", ""),
        schemas=given.schemas or (str(base / declared["schemas"]) if "schemas" in declared else ""),
        as_of=given.as_of,
        advisory=(*given.advisory, *declared.get("advisory", ())),
        hardened=given.hardened or declared.get("hardened", False),
        fail_on=given.fail_on if given.fail_on != "info" else declared.get("fail_on", "info"),
        jobs=given.jobs,
        cache=given.cache,
        render=given.render and declared.get("render", True),
        allow_network=given.allow_network,
    )
    if settings.fail_on not in SEVERITIES:
        raise UsageError(f"--fail-on {settings.fail_on}: not one of {', '.join(SEVERITIES)}")
    try:
        _ = settings.day
    except ValueError:
        raise UsageError(f"--as-of {settings.as_of}: not a date such as 2027-01-31, nor today") from None
    if not settings.profiles and not config:
        settings.advisory += GENERIC_ADVISORY
    settings.options = tuple(_options(given))
    settings.targets = _targets(given, declared.get("targets", {}), base, settings.profiles, config)
    return settings


def _options(given: Settings) -> Iterator[str]:
    """The options that decide what is judged and how; `jobs` and `cache` change no result."""
    for name in ("profiles", "policies", "waivers", "exclude", "values", "advisory"):
        for value in getattr(given, name):
            yield from (f"--{'profile' if name == 'profiles' else name}", value)
    for name in ("kube_version", "schemas", "as_of"):
        if getattr(given, name):
            yield from (f"--{name.replace('_', '-')}", getattr(given, name))
    if given.fail_on != "info":
        yield from ("--fail-on", given.fail_on)
    flags = {"--hardened": given.hardened, "--no-render": not given.render, "--allow-network": given.allow_network}
    yield from (flag for flag, is_given in flags.items() if is_given)


def _targets(
    given: Settings, declared: Mapping[str, Any], base: Path, profiles: tuple[str, ...], config: Path | None
) -> tuple[Target, ...]:
    """One target for all paths, or those of the file; --profile on the command line always means one target."""
    if not declared or given.profiles:
        return (Target("", given.paths, profiles or GENERIC_PROFILES),)
    targets = []
    for name, table in declared.items():
        if not isinstance(table, dict) or not isinstance(table.get("path"), str):
            raise UsageError(f"{config}: targets.{name}: a target needs a path")
        unknown = set(table) - {"path", "profiles"}
        if unknown:
            raise UsageError(f"{config}: targets.{name}.{min(unknown)}: no such key")
        chosen = tuple(table.get("profiles", ())) or profiles or GENERIC_PROFILES
        path = base / table["path"]
        if not path.exists():
            raise UsageError(f"{config}: targets.{name}.path: {path}: no such file or directory")
        targets.append(Target(name if len(declared) > 1 else "", (str(path),), chosen))
    return tuple(targets)


def _read(config: Path) -> dict[str, Any]:
    try:
        declared = tomllib.loads(config.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{config}: {error}") from None
    for key, value in declared.items():
        if key not in _KEYS:
            raise UsageError(f"{config}: {key}: no such key; there are {', '.join(_KEYS)}")
        strings = not isinstance(value, list) or all(isinstance(each, str) for each in value)
        if not isinstance(value, _KEYS[key]) or not strings:
            kind = "a list of strings" if _KEYS[key] is list else f"a {_KEYS[key].__name__}"
            raise UsageError(f"{config}: {key}: not {kind}")
    return declared


def _paths(base: Path, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(base / path) for path in paths)


def policy_folders(settings: Settings) -> list[Path]:
    """The folders of the selected profiles, ours first, then those of `--policies`.

    A `--policies DIR` is one profile (it holds profile.yaml) or a folder of profiles; all of these are selected besides
    the named ones. Raises UsageError for a profile that does not exist.
    """
    available = shipped_folders()
    own: dict[str, Path] = {}
    for directory in settings.policies:
        found = [Path(directory)] if (Path(directory) / "profile.yaml").is_file() else []
        found += sorted(each.parent for each in Path(directory).glob("*/profile.yaml"))
        if not found:
            raise UsageError(f"--policies {directory}: no profile.yaml there or in a folder below it")
        own |= {each.name: each for each in found}
    available |= own
    named = (name for target in settings.targets for name in target.profiles)
    wanted = dict.fromkeys([OWN_PROFILE, *named, *own])
    for name in wanted:
        if name not in available:
            raise UsageError(f"--profile {name}: there is no such profile; there are {', '.join(sorted(available))}")
    return [available[name] for name in wanted]


def shipped_folders() -> dict[str, Path]:
    """Our own profiles by name: inside the wheel, or beside the package in a checkout."""
    folder = data_folder("policies")
    return {each.parent.name: each.parent for each in sorted(folder.glob("*/profile.yaml"))}


def data_folder(name: str) -> Path:
    """`policies` or `fixtures`, wherever this installation keeps them."""
    inside = PACKAGE / "_data" / name
    if inside.is_dir():
        return inside
    return PACKAGE.parent / name if name == "policies" else PACKAGE.parent / "tests" / name
