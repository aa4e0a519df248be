"""Running programs: never a shell, never an ambient kubeconfig, always with a timeout."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.drill.fault import DrillError

#: what would let a program find a cluster by itself
_AMBIENT = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KIND_CLUSTER_NAME", "HELM_KUBECONTEXT")


@dataclass(frozen=True, slots=True)
class Output:
    """What a program said; `code` is 0 unless failing was allowed."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output without the last newline."""
        return self.stdout.decode(errors="replace").rstrip("\n")


class CommandError(DrillError):
    """A program failed, was not there, or took too long; `output` is what it said, if it ran."""

    def __init__(self, message: str, output: Output | None = None) -> None:
        super().__init__(message)
        self.output = output


def environment() -> dict[str, str]:
    """Ours, without anything that names a cluster."""
    return {key: value for key, value in os.environ.items() if key not in _AMBIENT}


def run(
    command: Sequence[str], *, timeout: float, stdin: bytes | None = None, may_fail: bool = False, patience: float = 0
) -> Output:
    """Run a program to its end. Raises CommandError, in one line, when it fails unless `may_fail`.

    It gets a process group of its own and is killed with all its children at the timeout: a hanging `kubectl exec`
    must not outlive the drill. With `patience` what it had started has so many seconds to end by itself when it is
    killed: Docker goes on with what a killed client asked for, and nobody would know for how long.
    """
    if shutil.which(command[0]) is None:
        raise CommandError(f"the program {command[0]} is not on PATH")
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise CommandError(f"{command[0]}: {error.strerror}") from None
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except BaseException as error:
        _kill(process, patience)
        if isinstance(error, subprocess.TimeoutExpired):
            raise CommandError(f"{shown(command)}: no end after {timeout:g} s") from None
        raise
    output = Output(process.returncode, stdout, stderr.decode(errors="replace").strip())
    if output.code and not may_fail:
        raise CommandError(f"{shown(command)}: {_last_line(output)}", output)
    return output


def shown(command: Sequence[str]) -> str:
    """A command as a person may read it: without our kubeconfig, and cut where it is long."""
    kept = [each for each in command if not each.startswith(("--kubeconfig=", "--context="))]
    text = " ".join(kept).replace("\n", " ")
    return text if len(text) <= 160 else text[:157] + "…"


def group_ends(leader: int, seconds: float) -> None:
    """Wait until no process of a group is left, or the seconds are over; then kill what is left."""
    end = time.monotonic() + seconds
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(leader, 0)
            time.sleep(0.1)
        os.killpg(leader, signal.SIGKILL)


def _kill(process: subprocess.Popen[bytes], patience: float) -> None:
    if patience:
        process.kill()
        process.wait()
    group_ends(process.pid, patience)
    process.communicate()


def _last_line(output: Output) -> str:
    """The last thing said; of `kubectl exec` not its own last line, which only tells the exit code."""
    said = [line.strip() for line in (output.stderr or output.text).splitlines() if line.strip()]
    if len(said) > 1 and said[-1].startswith("command terminated with exit code"):
        said.pop()
    return said[-1] if said else f"exit code {output.code}"
