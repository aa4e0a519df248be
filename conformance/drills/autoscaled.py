"""homelab DR-06: under real load the autoscaler adds pods that take part, and takes them away afterwards."""

from __future__ import annotations

from conformance.drill import client
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl, Object
from conformance.drill.registry import Image, Twin, drill

#: homelab, HorizontalPodAutoscaler, lines 731-740
LEAST, MOST = 2, 5
#: seconds that an autoscaler without anything to measure is given
HOPELESS = 60
METRICS = Image("metrics-server", "registry.k8s.io/metrics-server/metrics-server:v0.8.0")


@drill(
    name="autoscaled",
    title="load brings more pods, and they go when it goes",
    requirements=("homelab-hpa-web",),
    images=(METRICS, Image("tools", "busybox:1.36")),
    alone=True,
    twins=(Twin("no-requests", "the pods request no CPU, so that there is no share of it", fails="more pods"),),
)
def autoscaled(exercise: Exercise) -> None:
    """Two pods, a client, and nobody else. Load begins: there are more pods, never more than documented, and the new
    ones answer. Load ends: there are two again, and no request has failed on the way down.
    """
    with exercise.step("prepare", "metrics-server, a service with its autoscaler, and a client"):
        kubectl = exercise.namespace("scaled")
        tools = exercise.image("tools")
        system = Kubectl(exercise.cluster, "kube-system", kubectl.watch)
        image = exercise.image("metrics-server")
        exercise.deploy(system, "autoscaled/metrics-server.yaml", metrics_server=image)
        requests = "{}" if exercise.twin == "no-requests" else "{cpu: 30m}"
        exercise.deploy(kubectl, "autoscaled/service.yaml", tools=tools, requests=requests)
        exercise.note("the autoscaler's windows are 0 s and 15 s instead of the documented 60 s and 300 s")
        bound = kubectl.cluster.timeouts.scaling
        system.ready("deployment/metrics-server")
        kubectl.until("two pods are ready", lambda: ready(kubectl) == LEAST, bound)
        address = kubectl.get("service", "web")["spec"]["clusterIP"]
        client.start_client(exercise, kubectl, f"http://{address}/hostname")
    if not exercise.twin:
        with exercise.step("steady", "the autoscaler measures, and two pods are enough"):
            kubectl.until("the autoscaler measures", lambda: measures(scaler(kubectl)), bound)
            exercise.holds("two are enough", ready(kubectl) == LEAST, "other than two pods", pods=ready(kubectl))
    with exercise.fault("many clients ask as fast as they can"):
        exercise.deploy(kubectl, "autoscaled/load.yaml", tools=tools, url=f"http://{address}/hostname")
    with exercise.step("recover", "there are more pods, and every one of them answers"):
        within = HOPELESS if exercise.twin else bound
        kubectl.until("more pods", lambda: ready(kubectl) > LEAST, within)
        exercise.recovered("each pod answers the client", lambda: named(kubectl) <= answering(kubectl))
        most = scaler(kubectl)["status"]["desiredReplicas"]
        exercise.holds("never more than documented", most <= MOST, "too many", wanted=most)
        exercise.keep_objects("load", kubectl, ["pods", "horizontalpodautoscalers"])
    with exercise.step("recover", "load ends, and two pods are left"):
        began = max(float(each.second) for each in client.requests(kubectl))
        kubectl.delete("deployment", "load")
        kubectl.until("two pods are left", lambda: ready(kubectl) == LEAST == len(named(kubectl)), bound)
    with exercise.step("verify", "no request failed on the way down"):
        made = client.requests(kubectl, since=began)
        failed = client.failed(made)
        exercise.holds("no request failed", made and not failed, "requests failed", made=len(made), failed=len(failed))


def scaler(kubectl: Kubectl) -> Object:
    """The autoscaler as it is now."""
    return kubectl.get("horizontalpodautoscaler", "web")


def measures(found: Object) -> bool:
    """Whether the autoscaler knows the load of its pods."""
    conditions = found.get("status", {}).get("conditions") or []
    return any(each["type"] == "ScalingActive" and each["status"] == "True" for each in conditions)


def ready(kubectl: Kubectl) -> int:
    """How many pods of the service are ready."""
    return int(kubectl.get("deployment", "web").get("status", {}).get("readyReplicas", 0))


def named(kubectl: Kubectl) -> set[str]:
    """The names of its pods."""
    return {each["metadata"]["name"] for each in kubectl.list("pods", "app=web")}


def answering(kubectl: Kubectl) -> set[str]:
    """The names of the pods that have answered the client."""
    return {each.text.strip() for each in client.requests(kubectl) if each.answered}
