"""Backups outside the cluster: encrypted for a recovery key, never plain on a disk, and a Raft snapshot's own sums."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conformance.drill.command import run
from conformance.drill.timeouts import Timeouts

_OWNER = "drill@plumbline.invalid"


@dataclass(frozen=True)
class Safe:
    """A folder for backups, and a recovery key that is made for one exercise and goes with it."""

    folder: Path
    _keys: Path

    def put(self, name: str, plain: bytes) -> Path:
        """Encrypt with GnuPG, as the guide does, in a pipe: the plaintext is never a file."""
        file = self.folder / name
        arguments = ["--trust-model", "always", "--recipient", _OWNER, "--output", str(file), "--encrypt"]
        self._gpg(*arguments, stdin=plain)
        file.chmod(0o600)
        return file

    def get(self, name: str) -> bytes:
        """Decrypt. Raises CommandError for a file that is not whole, or is encrypted for somebody else."""
        return self._gpg("--decrypt", str(self.folder / name))

    def plain(self) -> list[str]:
        """Files that are no OpenPGP message (RFC 9580, section 4.2: the first bit of every packet is set)."""
        files = [each for each in self.folder.rglob("*") if each.is_file()]
        return sorted(each.name for each in files if each.read_bytes()[:1] < b"\x80")

    def _gpg(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        command = ["gpg", "--homedir", str(self._keys), "--batch", "--quiet", "--no-tty", *arguments]
        return run(command, timeout=Timeouts().command, stdin=stdin).stdout


@contextmanager
def safe() -> Iterator[Safe]:
    """Outside every cluster, readable by the user alone, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="plumbline-") as root:
        folder, keys = Path(root) / "backup", Path(root) / "keys"
        for each in (folder, keys):
            each.mkdir(mode=0o700)
        found = Safe(folder, keys)
        found._gpg("--passphrase", "", "--quick-generate-key", _OWNER, "default", "default", "never")
        try:
            yield found
        finally:
            run(["gpgconf", "--homedir", str(keys), "--kill", "all"], timeout=Timeouts().tool, may_fail=True)


def damage(snapshot: bytes) -> str:
    """What is wrong with a Raft snapshot; empty when every file of it has the sum that its SHA256SUMS names."""
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(snapshot))) as opened:
            content = {each.name: _read(opened, each) for each in opened.getmembers() if each.isfile()}
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        return f"{type(error).__name__}: {error}"
    sums = [line.split() for line in content.get("SHA256SUMS", b"").decode(errors="replace").splitlines()]
    named = {parts[1]: parts[0] for parts in sums if len(parts) == 2}
    if "state.bin" not in named:
        return "no sum of state.bin"
    wrong = [name for name, sha in named.items() if hashlib.sha256(content.get(name, b"")).hexdigest() != sha]
    return f"{', '.join(wrong)}: other content than its sum says" if wrong else ""


def _read(opened: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = opened.extractfile(member)
    return b"" if found is None else found.read()
