"""Running helm and kustomize: bounded in time and output, with nothing of the user's own setup in reach."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

#: Output above this many bytes is given up: a loop in a template can print for ever. The largest chart known to us,
#: prometheus-operator-crds, prints 4.5 MB.
OUTPUT_LIMIT = 64 << 20
_MESSAGE_LIMIT = 64 << 10

# A proxy that nothing listens on: whatever a program still tries to fetch fails at once instead of leaving the machine.
_NO_NETWORK = {
    variable: "http://127.0.0.1:9"
    for name in ("http_proxy", "https_proxy", "all_proxy")
    for variable in (name, name.upper())
}


class ProgramError(Exception):
    """A program could not be started, ran too long, printed too much, or failed; the message is one line."""


@dataclass(frozen=True, slots=True)
class Program:
    """An executable that was found on PATH."""

    name: str
    path: str

    @property
    def identity(self) -> str:
        """What changes when the program is replaced by another version, without asking it: costs one `stat`."""
        real = Path(self.path).resolve()
        status = real.stat()
        return f"{real}:{status.st_size}:{status.st_mtime_ns}"


def find(name: str) -> Program | None:
    """The program on PATH, or None. An entry of PATH that is relative is passed over: it may lie in the judged tree."""
    path = os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part).is_absolute())
    found = shutil.which(name, path=path)
    return Program(name, found) if found else None


@contextmanager
def scratch() -> Iterator[Path]:
    """A private temporary directory, with symlinks in its own path resolved, as kustomize wants them."""
    with tempfile.TemporaryDirectory(prefix="plumbline-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def environment(home: Path, *, allow_network: bool) -> dict[str, str]:
    """An environment without KUBECONFIG, credentials, plugins or repositories: all of helm's homes are below `home`.

    Without `allow_network` PATH is empty too, because kustomize fetches a remote base by running `git` from PATH.
    """
    homes = {"HELM_CONFIG_HOME": "config", "HELM_CACHE_HOME": "cache", "HELM_DATA_HOME": "data"}
    homes |= {"XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data"}
    variables = {variable: str(home / folder) for variable, folder in homes.items()}
    variables |= {"HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "KUBECONFIG": os.devnull}
    if not allow_network:
        return variables | _NO_NETWORK | {"PATH": str(home / "nothing")}
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    certificates = {name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
    return variables | proxies | certificates | {"PATH": os.environ.get("PATH", ""), "GIT_TERMINAL_PROMPT": "0"}


def run(
    program: Program, arguments: Sequence[str], *, home: Path, timeout: float, allow_network: bool = False
) -> bytes:
    """Standard output of a program. `timeout` is in seconds and ends the program with all it started.

    Raises ProgramError; its message is what the program said on standard error, whole, or why it was stopped.
    """
    try:
        process = subprocess.Popen(
            [program.path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(home, allow_network=allow_network),
            cwd=home,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramError(f"{program.path} cannot be started: {error.strerror}") from None
    with process:
        try:
            out, err = _collect(process, program, time.monotonic() + timeout)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise ProgramError(f"{program.name} did not finish within {timeout:g} seconds") from None
            raise
    if process.returncode:
        message = err.decode("utf-8", "replace").strip()
        raise ProgramError(message or f"{program.name} exited with {process.returncode} and said nothing")
    return out


def _collect(process: subprocess.Popen[bytes], program: Program, deadline: float) -> tuple[bytes, bytes]:
    """Both outputs, read as they come, so that a flood takes no more memory than the limit."""
    if process.stdout is None or process.stderr is None:
        raise AssertionError("both streams are pipes")
    kept: dict[int, bytearray] = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    out, err = kept
    with selectors.DefaultSelector() as selector:
        for descriptor in kept:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(program.name, 0)
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fd)
                elif key.fd == out or len(kept[err]) < _MESSAGE_LIMIT:
                    kept[key.fd] += data
            if len(kept[out]) > OUTPUT_LIMIT:
                raise ProgramError(f"{program.name} printed more than {OUTPUT_LIMIT >> 20} MB")
    process.wait(max(0.0, deadline - time.monotonic()))
    return bytes(kept[out]), bytes(kept[err])
