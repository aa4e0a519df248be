"""Somebody who uses a service all the time, from a pod, and tells of each request how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the second in which it ended (since 1970), whether it was answered, and with what."""

    second: int
    answered: bool
    text: str


def start_client(exercise: Exercise, kubectl: Kubectl, url: str, *, node: str = "", patience: int = 5) -> None:
    """Ten requests a second at most, each over a connection of its own, and wait for the first answer.

    A kept connection would go on talking to a pod that no new client reaches any more. `node` is where the client runs
    (default: anywhere), and `patience` the seconds after which a request has failed.
    """
    values = {"tools": exercise.image("tools"), "url": url, "node": f'"{node}"', "patience": patience}
    exercise.deploy(kubectl, "client/pod.yaml", **values)
    bound = kubectl.cluster.timeouts.ready
    kubectl.until("the client is answered", lambda: any(each.answered for each in requests(kubectl)), bound)


def requests(kubectl: Kubectl, since: float = 0) -> list[Request]:
    """What the client has asked so far, or since a moment."""
    return [each for each in read(kubectl.logs("client")) if each.second >= since]


def read(log: str) -> list[Request]:
    """The client's log: a line a request, `SECOND ok|failed TEXT`. Other lines belong to the answer before."""
    found = []
    for line in log.splitlines():
        second, _, rest = line.partition(" ")
        word, _, text = rest.partition(" ")
        if second.isdigit() and word in ("ok", "failed"):
            found.append(Request(int(second), word == "ok", text))
    return found


def longest_silence(made: list[Request], began: float, ended: float) -> float:
    """The longest time without any answer between two moments, in seconds."""
    moments = [began, *(float(each.second) for each in made if each.answered and began <= each.second <= ended), ended]
    return max((later - earlier for earlier, later in pairwise(moments)), default=0.0)


def failed(made: list[Request]) -> list[Request]:
    """Those that were not answered."""
    return [each for each in made if not each.answered]
