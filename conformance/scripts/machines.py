"""Machines that Terraform or multipass text defines: names and disks.

Read from resources with `name` and `disk` (expressions over `count.index`, `each.key` and variables with defaults), and
from `multipass launch --name … --disk …` in scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from conformance.kube.inventory import Inventory
from conformance.kube.object import TextFile
from conformance.kube.path import Path
from conformance.scripts import hcl
from conformance.scripts.find import scripts
from conformance.scripts.shell import alternatives

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*\Z", re.IGNORECASE)
_FACTORS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine; `disk` in bytes, None when the text does not tell."""

    name: str
    disk: Decimal | None
    subject: TextFile
    line: int

    @property
    def at(self) -> Path:
        """The line that defines it."""
        return (self.line,)


def disk_size(text: str) -> Decimal | None:
    """Bytes of a multipass size; its K, M and G are powers of 1024, so `50G` is 50Gi."""
    found = _SIZE.match(text)
    return Decimal(found.group(1)) * _FACTORS[found.group(2).lower()] if found else None


def machines(inventory: Inventory) -> list[Machine]:
    """Every machine of the tree, by Terraform files first."""
    found: list[Machine] = []
    for file in inventory.texts:
        if file.path.endswith(".tf"):
            found += _terraform(file, _variables(inventory))
    for script in scripts(inventory, "*.sh"):
        if not isinstance(script.subject, TextFile):
            continue
        for command in script.shell.commands:
            if command.name == "multipass" and "launch" in command.words:
                disk = disk_size(command.option("--disk", "-d"))
                for name in alternatives(command.option("--name", "-n")):
                    found.append(Machine(name, disk, script.subject, command.line))
    return found


def _variables(inventory: Inventory) -> dict[str, str]:
    """Defaults of variables and locals; what Terraform loads by itself wins: `terraform.tfvars`, `*.auto.tfvars`."""
    known: dict[str, str] = {}
    parsed = [(file, hcl.parse(file.text)) for file in inventory.texts if file.path.endswith((".tf", ".tfvars"))]
    for file, root in parsed:
        if file.path.endswith(".tf"):
            for block in root.all("variable"):
                known[f"var.{block.labels[0]}"] = block.get("default") or ""
            for block in root.all("locals"):
                known |= {f"local.{name}": value for name, (value, _) in block.attributes.items()}
    for file, root in parsed:
        if file.path.endswith((".auto.tfvars", "terraform.tfvars")):
            known |= {f"var.{name}": value for name, (value, _) in root.attributes.items()}
    return known


def _terraform(file: TextFile, known: dict[str, str]) -> Iterator[Machine]:
    for block in hcl.parse(file.text).all("resource"):
        name, disk = block.get("name"), block.get("disk")
        if name is None or disk is None:
            continue
        line = block.attributes["disk"][1]
        for values in _instances(block, known):
            yield Machine(_filled(name, values), disk_size(_filled(disk, values)), file, line)


def _instances(block: hcl.Block, known: dict[str, str]) -> Iterator[dict[str, str]]:
    count = known.get(block.get("count") or "", block.get("count") or "")
    if count.isdigit():
        yield from ({**known, "count.index": str(index)} for index in range(int(count)))
        return
    each = block.get("for_each")
    if each is not None:
        keys = re.findall(r'"([^"]+)"', known.get(each, each))
        yield from ({**known, "each.key": key, "each.value": key} for key in keys)
        return
    yield known


def _filled(text: str, values: dict[str, str]) -> str:
    """References replaced by what is known of them; what is not stays as it is."""
    whole = values.get(text)
    if whole is not None:
        return whole
    return _REFERENCE.sub(lambda found: values.get(found.group(1), found.group()), text)
