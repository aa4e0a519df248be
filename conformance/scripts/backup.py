"""What a backup script writes, how it protects it, and when it throws it away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from conformance.scripts.shell import Command, Shell, alternatives, dated

_ENCRYPTING = ("gpg", "gpg2", "age", "rage", "sops")
_ENCRYPTED = (".gpg", ".asc", ".age", ".pgp")
#: programs that copy their last operand but one to their last
_COPYING = ("cp", "mv", "install", "rsync")
_UPLOADING = ("aws", "rclone", "rsync", "scp", "gsutil", "gcloud", "az", "mc", "s3cmd", "restic", "sftp")


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a command makes; `encrypted` when the program that makes it encrypts."""

    command: Command
    target: str
    encrypted: bool = False


def outputs(shell: Shell) -> Iterator[Output]:
    """Every file that the script writes, names with dates as `{%Y%m%d}`, in the order of the text."""
    safe: set[str] = set()
    for command in shell.commands:
        # What was encrypted stays so when it is copied or renamed.
        encrypting = encrypts(command) or (
            command.name in _COPYING and any(dated(word) in safe for word in command.words)
        )
        for target in (*command.outputs, *_operands(command)):
            for each in alternatives(dated(target)):
                safe |= {each} if encrypting else set()
                yield Output(command, each, encrypting)


def encrypts(command: Command) -> bool:
    """Whether a command encrypts: gpg with -e or -c, age with -r, openssl enc with a cipher."""
    words = command.words
    if command.name in ("gpg", "gpg2"):
        return any(word in ("--encrypt", "--symmetric") or re.match(r"-[a-z]*[ec]", word) for word in words[1:])
    return command.name in ("age", "rage") and "-d" not in words and "--decrypt" not in words


def is_encrypted_name(name: str) -> bool:
    """Whether a file claims by its name to be encrypted."""
    return name.endswith(_ENCRYPTED)


def _operands(command: Command) -> Iterator[str]:
    words = command.words
    plain = [word for word in words[1:] if not word.startswith("-")]
    if command.name in ("gpg", "gpg2", "age", "rage"):
        named = command.option("--output", "-o")
        if named:
            yield named
        elif encrypts(command) and not command.outputs and _last_file(command):
            yield _last_file(command) + ".gpg"
    elif command.name == "kubectl" and "cp" in words[1:]:
        if plain and ":" not in plain[-1].split("/")[-1]:
            yield plain[-1]
    elif command.name in _COPYING and len(plain) > 1:
        yield plain[-1]
    elif command.name == "tee" and plain:
        yield from plain
    elif command.name == "tar":
        target = _tar_file(words)
        if target and target != "-":
            yield target


def _last_file(command: Command) -> str:
    """The file that gpg is given to encrypt: a last word that is no option and no option's value."""
    if len(command.words) < 2 or command.words[-1].startswith("-"):
        return ""
    takes_value = ("--recipient", "-r", "--output", "-o", "--trust-model", "--homedir", "--passphrase", "--cipher-algo")
    return "" if command.words[-2] in takes_value else command.words[-1]


def _tar_file(words: tuple[str, ...]) -> str:
    """The archive that `tar czf FILE` or `tar -c -f FILE` makes; empty when it does not create one."""
    if len(words) < 3 or not any(re.match(r"-?[a-zA-Z]*c", word) for word in words[1:2]):
        return ""
    for at, word in enumerate(words[1:-1], start=1):
        if re.fullmatch(r"-?[a-zA-Z]*f", word):
            return words[at + 1]
    return ""


def removed_later(shell: Shell, output: Output) -> bool:
    """Whether a later command removes the file that was written."""
    seen = False
    for command in shell.commands:
        seen = seen or command is output.command
        if seen and command.name in ("rm", "shred", "unlink") and output.target in map(dated, command.words):
            return True
    return False


def uploads(shell: Shell) -> list[Command]:
    """Commands that send files to another machine or a bucket."""
    return [
        command
        for command in shell.commands
        if command.name in _UPLOADING
        and (command.name not in ("rsync", "scp") or any(":" in word for word in command.words[1:]))
    ]


def prunes(shell: Shell, directory: str) -> list[Command]:
    """Commands that delete by age below a directory: `find DIR -mtime +N` with -delete or rm."""
    return [
        command
        for command in shell.commands
        if command.name == "find"
        and any(word.rstrip("/") == directory for word in command.words[1:])
        and any(word in ("-mtime", "-mmin") for word in command.words)
        and ("-delete" in command.words or "rm" in command.words)
    ]


def matching(outputs_: list[Output], pattern: str) -> list[Output]:
    """The outputs whose path matches a glob, in which `{%Y%m%d}` stands for itself."""
    return [each for each in outputs_ if fnmatchcase(each.target, pattern)]
