"""`plumbline`: the options of its commands, and how a process that cannot speak ends."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from conformance import __version__, cluster_commands, mtls, pods, rbac, rules, scale, schedules, tree
from conformance.options import OPTIONS

EPILOG = """exit codes: 0 everything held, 1 findings or something unreadable, 2 interrupted, 3 internal error,
4 wrong usage, 5 nothing could be judged"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Only what the command at hand needs is imported."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    given, extra = _split(given)
    options = _parser().parse_args(given)
    try:
        code: int = options.run(options, extra)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 2
    except BrokenPipeError:  # `plumbline list | head` is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"plumbline: {error.filename or 'standard output'}: {error.strerror}\n")
        return 1
    return code


def script() -> None:
    """Entry point of the installed command: leaves without freeing, one by one, millions of values."""
    # Python has no stream at all for what was closed (`>&-`); the exit code tells as much as ever.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- open to the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    code = main()
    sys.stderr.flush()
    os._exit(code)


def _split(given: list[str]) -> tuple[list[str], list[str]]:
    """What stands after `--` belongs to pytest."""
    if "--" not in given:
        return given, []
    index = given.index("--")
    return given[:index], given[index + 1 :]


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, with our own exit code: argparse's 2 means "interrupted" here."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse for whatever it does not understand."""
        self.exit(4, f"{self.prog.split()[0]}: {message} ({self.prog} --help shows the usage)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="plumbline",
        description="Holds Kubernetes manifests to documented requirements.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kube-plumbline {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _check(commands)
    _list(commands)
    _explain(commands)
    _defects(commands)
    _schemas(commands)
    _reach(commands)
    mtls.add_command(commands)
    rules.add_command(commands)
    schedules.add_command(commands)
    scale.add_command(commands)
    rbac.add_command(commands)
    pods.add_command(commands)
    cluster_commands.add_commands(commands)
    return parser


def _check(commands: Any) -> None:
    text = "judge files: manifests, charts, kustomizations, values files, scripts, rule files"
    command = commands.add_parser("check", help=text, description=text.capitalize() + ".", epilog=EPILOG)
    add = command.add_argument
    add("paths", nargs="*", default=["."], metavar="PATH", help="files or directories (default: this directory)")
    add("-k", dest="keyword", default="", metavar="EXPR", help="only requirements whose id matches, as in pytest")
    for option, told in OPTIONS.items():
        add(option, **told)
    add("-v", "--verbose", action="store_true", help="every finding, and what passed or was skipped")
    command.set_defaults(run=_run_check)


def _list(commands: Any) -> None:
    command = commands.add_parser("list", help="the requirements", description="List the requirements.")
    command.add_argument("--profile", action="append", default=[], metavar="NAME")
    command.add_argument("--policies", action="append", default=[], metavar="DIR")
    command.add_argument("--format", choices=("text", "json", "markdown"), default="text")
    command.set_defaults(run=_run_list)


def _explain(commands: Any) -> None:
    text = "what a requirement says, where it stands, why, and what to do"
    command = commands.add_parser("explain", help=text, description=text.capitalize() + ".")
    command.add_argument("requirement", metavar="REQUIREMENT")
    command.add_argument("--policies", action="append", default=[], metavar="DIR")
    command.set_defaults(run=_run_explain)


def _defects(commands: Any) -> None:
    text = "mistakes and contradictions inside a profile's own document"
    command = commands.add_parser("defects", help=text, description=text.capitalize() + ".")
    command.add_argument("profile", metavar="PROFILE")
    command.add_argument("--policies", action="append", default=[], metavar="DIR")
    command.set_defaults(run=_run_defects)


def _schemas(commands: Any) -> None:
    text = "take the OpenAPI schemas of a running API server, for check --schemas"
    command = commands.add_parser("schemas", help=text, description=text.capitalize() + ".")
    command.add_argument("--context", required=True, metavar="NAME", help="context of your kubeconfig")
    command.add_argument("--kubeconfig", default="", metavar="FILE")
    command.add_argument("--output", required=True, metavar="FILE")
    command.set_defaults(run=_run_schemas)


def _reach(commands: Any) -> None:
    text = "who can talk to whom under all network policies, and why"
    command = commands.add_parser("reach", help=text, description=text.capitalize() + ".")
    tree.add_options(command, "svg")
    add = command.add_argument
    add("--from", dest="source", default="", metavar="WORKLOAD", help="[NAMESPACE/][KIND/]NAME, or external")
    add("--to", dest="target", default="", metavar="WORKLOAD[:PORT]", help="the same, with a port for one question")
    add("--explain", action="store_true", help="the policies that allow each edge, with file and line")
    add("--diff", nargs=2, metavar=("OLD", "NEW"), help="what a change opens and closes")
    add("--exposed", action="store_true", help="what the outside can reach, by which Services and routes")
    command.set_defaults(run=_run_reach)


def _run_check(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance import gate

    return gate.check(options, extra)


def _catalogue(options: argparse.Namespace, profiles: Sequence[str]) -> Any:
    from conformance.catalogue import CatalogueError
    from conformance.run import load_catalogue
    from conformance.settings import Settings, Target, UsageError, policy_folders, shipped_folders

    names = tuple(profiles) or tuple(shipped_folders())
    settings = Settings(policies=tuple(options.policies), targets=(Target("", (), names),))
    try:
        return load_catalogue(policy_folders(settings))
    except (UsageError, CatalogueError) as error:
        print(f"plumbline: {error}", file=sys.stderr)
        raise SystemExit(4) from None


def _run_list(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance.report import catalogue_text

    catalogue = _catalogue(options, options.profile)
    text = catalogue_text.listing(catalogue, options.format)
    if options.format == "text":
        tree.write(text)
    else:  # the content of a file, whatever the terminal's encoding is
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    return 0


def _run_explain(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance import registry
    from conformance.report import catalogue_text
    from conformance.settings import data_folder

    catalogue = _catalogue(options, ())
    requirement = catalogue.find(options.requirement)
    if requirement is None:
        near = _near(options.requirement, [each.id for each in catalogue])
        hint = f"; did you mean {', '.join(near)}?" if near else "; `plumbline list` shows them all"
        print(f"plumbline: there is no requirement {options.requirement}{hint}", file=sys.stderr)
        return 4
    check = registry.find(requirement.check) if requirement.check else None
    tree.write(catalogue_text.explanation(requirement, data_folder("fixtures"), check))
    return 0


def _near(wanted: str, ids: list[str]) -> list[str]:
    """A few ids that may have been meant: those that hold the word, else those spelled alike."""
    from difflib import get_close_matches

    return [each for each in ids if wanted and wanted in each][:5] or get_close_matches(wanted, ids, 3)


def _run_defects(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance.report import catalogue_text

    catalogue = _catalogue(options, () if options.policies else (options.profile,))
    profile = catalogue.profiles.get(options.profile)
    if profile is None:
        print(f"plumbline: there is no profile {options.profile}", file=sys.stderr)
        return 4
    tree.write(catalogue_text.defects(profile))
    return 0


def _run_schemas(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance.schema import dump

    return dump.command(options.context, options.kubeconfig, options.output)


def _run_reach(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance import reach

    return reach.run(options)


if __name__ == "__main__":
    script()
