"""`plumbline access`: who can do what under RBAC, by which binding and rule."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from conformance import tree

if TYPE_CHECKING:
    from conformance.access import Access, Action, Identity, Subject
    from conformance.kube.inventory import Inventory

_EVERYWHERE = "*"


def add_command(commands: Any) -> None:
    """Adds the command to a parser's subcommands."""
    text = "who can do what under RBAC, and by which binding and rule"
    command = commands.add_parser("access", help=text, description=text.capitalize() + ".")
    tree.add_options(command)
    add = command.add_argument
    add(
        "--who",
        default="",
        metavar="SUBJECT",
        help="ServiceAccount:NAMESPACE/NAME, Group:NAME, or the name of a user",
    )
    add("--group", action="append", default=[], metavar="NAME", help="a group that --who is in; may be repeated")
    add("--can", default="", metavar="VERB:RESOURCE[.GROUP][/SUB]", help="what to ask for; or VERB:/PATH")
    add("--name", default="", metavar="NAME", help="of the object that --can speaks of")
    add(
        "--namespace",
        default=None,
        metavar="NAME",
        help=f"where ({_EVERYWHERE}: in all at once; default: wherever it is allowed)",
    )
    add("--explain", action="store_true", help="every binding and rule it comes from, with file and line")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, extra: Sequence[str] = ()) -> int:
    """Prints the answer. 0; 1 where something cannot be read, or a role that is not here leaves a question open; 4 for
    a wrong question; 5 where the tree binds nobody and nothing was asked.
    """
    from conformance.access import access
    from conformance.access.listing import unreadable

    try:
        inventory = tree.read(options)
        world = access(inventory)
        text, open_ = _answer(world, inventory, options)
    except (ValueError, FileNotFoundError) as error:
        tree.say(str(error))
        return 4
    faults = unreadable(world)
    for each in faults:
        tree.say(each)
    if not text:
        tree.say("no bindings there")
        return 1 if faults or inventory.rejected else 5
    tree.write(text)
    return 1 if faults or inventory.rejected or open_ else 0


def _answer(world: Access, inventory: Inventory, options: argparse.Namespace) -> tuple[str, bool]:
    """The text, empty where there is nothing to tell; whether a question stays open."""
    from conformance.access import action, subject

    if options.group and not options.who:
        raise tree.QuestionError("--group needs --who")
    if options.name and not options.can:
        raise tree.QuestionError("--name needs --can")
    wanted = action(options.can, options.name) if options.can else None
    namespace = "" if options.namespace == _EVERYWHERE else options.namespace
    if not options.who:
        return _asked(world, wanted, namespace, options) if wanted else _everybody(world, inventory, namespace, options)
    who = subject(options.who)
    _known(who, options.group, world, inventory)
    asking = _identity(who, options.group)
    if wanted is None:
        return _rights(world, who, asking, namespace, options)
    return _question(world, who, asking, wanted, namespace, options)


def _identity(who: Subject, groups: Iterable[str]) -> Identity:
    from conformance.access import Identity, identity

    found = identity(who)
    return Identity(found.user, found.groups | set(groups))


def _known(who: Subject, groups: Sequence[str], world: Access, inventory: Inventory) -> None:
    """Somebody who does not exist has no rights and looks safe, so that a slip of the pen must be noticed."""
    from conformance.access.listing import workload_names

    if who in world.subjects or any(each.subject == who for each in world.grants):
        return
    if who.kind != "ServiceAccount":
        if not groups:
            tree.say(f"no binding names {who}; what groups people are in, no manifest tells (--group)")
        return
    exists = inventory.find("", "ServiceAccount", who.namespace, who.name) is not None or who.name == "default"
    if not exists and not workload_names(who, inventory):
        near = [str(each) for each in world.subjects if each.name == who.name and each != who][:3]
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise tree.QuestionError(f"there is no {who}{hint}")


def _everybody(
    world: Access, inventory: Inventory, namespace: str | None, options: argparse.Namespace
) -> tuple[str, bool]:
    from conformance.access import listing

    found = listing.rows(world, namespace)
    if options.format == "json":
        return tree.as_json({"subjects": [listing.row_record(each, inventory) for each in found]}), False
    return (tree.as_lines(listing.table(found, options.explain, inventory)) if found else ""), False


def _asked(world: Access, wanted: Action, namespace: str | None, options: argparse.Namespace) -> tuple[str, bool]:
    from conformance.access import Answer, listing

    found = list(world.who_can(wanted, namespace))
    open_ = any(verdict.answer is Answer.UNKNOWN for _, verdict in found)
    if options.format == "json":
        records = [{"subject": str(who), **listing.verdict_record(verdict)} for who, verdict in found]
        return tree.as_json({"can": str(wanted), "namespace": namespace, "who": records}), open_
    lines: list[str] = []
    for who, verdict in found:
        lines += listing.answer(f"{who} may {wanted}", verdict, namespace, options.explain)
    return tree.as_lines(lines or [f"nobody may {wanted}"]), open_


def _rights(
    world: Access, who: Subject, asking: Identity, namespace: str | None, options: argparse.Namespace
) -> tuple[str, bool]:
    from conformance.access import Reason, listing

    grants = [each for each in world.grants_of(asking) if each.reaches(namespace)]
    open_ = any(each.fault for each in grants)
    if options.format == "json":
        records = [listing.reason_record(Reason(each, rule)) for each in grants for rule in each.rules or (None,)]
        return tree.as_json({"who": str(who), "namespace": namespace, "rights": records}), open_
    return tree.as_lines(listing.rights(grants)), open_


def _question(
    world: Access, who: Subject, asking: Identity, wanted: Action, namespace: str | None, options: argparse.Namespace
) -> tuple[str, bool]:
    from conformance.access import Answer, listing

    verdict = world.can(asking, wanted, namespace)
    open_ = verdict.answer is Answer.UNKNOWN
    if options.format == "json":
        record = {"who": str(who), "can": str(wanted), "namespace": namespace, **listing.verdict_record(verdict)}
        return tree.as_json({"question": record}), open_
    there = "" if namespace is None else " in all namespaces at once" if namespace == "" else f" in {namespace}"
    return tree.as_lines(listing.answer(f"{who} may {wanted}{there}", verdict, namespace, options.explain)), open_
