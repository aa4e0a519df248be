"""Facts inside of pods, through testinfra's kubectl backend.

What is run there is fixed here, one command for each fact: a policy can choose among them and cannot
bring a command of its own. `kubectl exec` needs the right `create` on `pods/exec`, which no other part of an
audit does.
https://testinfra.readthedocs.io/en/latest/backends.html#kubectl
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from conformance.cluster.facts import PodQuestion, fact
from conformance.kube.object import Object

#: seconds for one command in one pod
TIMEOUT = 20

#: whether it takes connections, and as its own administrator whether it is a standby; over TCP with the pod's own
#: password, because a local socket lets anybody in where the password is broken
_POSTGRES = (
    "timeout 15 pg_isready -q -h 127.0.0.1 && "
    'PGPASSWORD="${POSTGRES_PASSWORD:-$(cat "$POSTGRES_PASSWORD_FILE" 2>/dev/null)}" '
    'timeout 15 psql -w -h 127.0.0.1 -U "${POSTGRES_USER:-postgres}" -d postgres -tAc "SELECT pg_is_in_recovery()"'
)


def facts(
    questions: Iterable[PodQuestion], pods: Callable[[], Iterable[Object]], kubeconfig: str, context: str
) -> Iterator[dict[str, Any]]:
    """A `PodFact` for each question and running pod: `said` is what came back, or `error` why nothing did."""
    for question in questions:
        for pod in pods():
            meant = pod.namespace == question.namespace and dict(question.labels).items() <= dict(pod.labels).items()
            if meant and pod.get("status.phase") == "Running":
                yield _fact(question, pod.name, kubeconfig, context)


def _fact(question: PodQuestion, pod: str, kubeconfig: str, context: str) -> dict[str, Any]:
    about: dict[str, Any] = {"fact": question.fact, "container": question.container}
    about["labels"] = dict(question.labels)
    try:
        said = _ask(question, pod, kubeconfig, context)
    except subprocess.TimeoutExpired:
        return fact("PodFact", pod, question.namespace, **about, error=f"no answer within {TIMEOUT} seconds")
    except (OSError, RuntimeError, AssertionError, ValueError, subprocess.SubprocessError) as error:
        return fact("PodFact", pod, question.namespace, **about, error=str(error).partition("\n")[0][:300])
    return fact("PodFact", pod, question.namespace, **about, said=said)


def _host(pod: str, namespace: str, container: str, kubeconfig: str, context: str) -> Any:
    """A pod as testinfra sees it.

    testinfra's own way to start kubectl goes through a shell, in which the name of a context could be a command, and
    waits for ever; so only its way of asking is used.
    """
    from testinfra.backend.kubectl import KubectlBackend
    from testinfra.host import Host

    class Bounded(KubectlBackend):  # type: ignore[misc]
        """The kubectl backend without a shell on this side, and with a timeout."""

        def run(self, command: str, *args: str, **kwargs: Any) -> Any:
            asked = self.get_command(command, *args)
            options = {"--kubeconfig": kubeconfig, "--context": context, "--namespace": namespace}
            arguments = ["kubectl", *(f"{name}={value}" for name, value in options.items() if value), "exec", pod]
            arguments += ["-c", container] if container else []
            done = subprocess.run(
                [*arguments, "--", "/bin/sh", "-c", asked], capture_output=True, timeout=TIMEOUT, check=False
            )
            if done.returncode and b"OCI runtime exec failed" in done.stderr + done.stdout:
                raise OSError("the container has no shell to ask with")
            if done.returncode and done.stderr.startswith((b"Error from server", b"error: ", b"Unable to connect")):
                raise OSError(done.stderr.decode(errors="replace").strip())
            return self.result(done.returncode, asked.encode(), done.stdout, done.stderr)

    return Host(Bounded(pod, namespace=namespace))


def _ask(question: PodQuestion, pod: str, kubeconfig: str, context: str) -> Any:
    host = _host(pod, question.namespace, question.container, kubeconfig, context)
    if question.fact == "postgres":
        done = host.run(_POSTGRES)
        said = {"ready": done.rc == 0, "recovering": done.stdout.strip() == "t"}
        return said if done.rc == 0 else said | {"reason": done.stderr.strip().partition("\n")[0][:200]}
    if question.fact == "redis":
        return {"answer": host.run("timeout 15 redis-cli ping").stdout.strip()[:80]}
    raise ValueError(f"there is no fact {question.fact}")
