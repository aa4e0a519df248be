"""`plumbline` with tiny drills, to be started, killed and interrupted: `python -m tests.drill.fake_drills drill …`."""

from __future__ import annotations

import sys
import time

from conformance import cli
from conformance.drill.exercise import Exercise
from conformance.drill.registry import Twin, drill


@drill(
    name="tiny",
    title="an object that was made is there",
    twins=(Twin("nothing-made", "nothing is made", fails="the object is there"),),
)
def tiny(exercise: Exercise) -> None:
    """One object, made and looked for."""
    with exercise.step("prepare", "an object"):
        kubectl = exercise.namespace("tiny")
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
        kubectl.apply([made] if not exercise.twin else [made | {"metadata": {"name": "another"}}])
    with exercise.step("verify", "the object is there"):
        exercise.holds("the object is there", kubectl.find("configmap", "made"), "there is none")


@drill(name="endless", title="it never ends", twins=(Twin("none", "nothing", fails="never"),))
def endless(exercise: Exercise) -> None:
    """Waits to be ended."""
    exercise.namespace("endless")
    with exercise.step("prepare", "sleeping"):
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:]))
