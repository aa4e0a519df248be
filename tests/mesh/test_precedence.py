"""Precedence against a small oracle written from Istio's documentation alone, as tables instead of lookups."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mesh.tree import ask, created, mesh, namespace, peer, rule, service, workload

MODES = ["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]
TLS = ["DISABLE", "SIMPLE", "ISTIO_MUTUAL"]


@dataclass(frozen=True)
class Given:
    """One server behind one port: PeerAuthentications by scope, in order of age, and a rule's four levels."""

    injected: bool
    mesh: tuple[str, ...]
    own: tuple[str, ...]
    workload: tuple[str, ...]
    port: str | None
    client: bool
    place: str
    top: str | None
    rule_port: str | None
    subset: str | None
    subset_port: str | None
    in_subset: bool


def optional(words: list[str]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(words)


def several(words: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(words), max_size=2).map(tuple)


CASES = st.builds(
    Given,
    injected=st.booleans(),
    mesh=several(MODES),
    own=several(MODES),
    workload=several(MODES),
    port=optional(MODES),
    client=st.booleans(),
    place=st.sampled_from(["shop", "front", "istio-system", "elsewhere"]),
    top=optional(TLS),
    rule_port=optional(TLS),
    subset=optional(TLS),
    subset_port=optional(TLS),
    in_subset=st.booleans(),
)


def first(*candidates: str | None) -> str | None:
    """The first of some settings, from the narrowest, that is set."""
    return next((each for each in candidates if each not in (None, "UNSET")), None)


def oracle(case: Given) -> str:
    """The verdict by the documentation: narrowest set mode wins, oldest of a scope, rules before auto-mTLS."""
    oldest = {scope: found[0] if found else None for scope, found in vars(case).items() if isinstance(found, tuple)}
    wide = first(oldest["own"], oldest["mesh"]) or "PERMISSIVE"
    port = case.port if case.workload else None
    mode = first(port, oldest["workload"], wide)
    levels = (case.subset_port, case.subset, case.rule_port, case.top) if case.in_subset else (case.rule_port, case.top)
    chosen = first(*levels) if case.place != "elsewhere" else None
    if not case.client:
        sent = "plain"
    elif case.in_subset and case.place == "elsewhere":
        return "broken"
    elif chosen:
        sent = {"DISABLE": "plain", "ISTIO_MUTUAL": "istio"}.get(chosen, "tls")
    else:
        sent = "istio" if case.injected and "DISABLE" not in (wide, mode) else "plain"
    if not case.injected:
        return {"plain": "plaintext", "istio": "broken", "tls": "unknown"}[sent]
    table = {
        "STRICT": {"plain": "broken", "istio": "mtls", "tls": "broken"},
        "PERMISSIVE": {"plain": "plaintext", "istio": "mtls", "tls": "unknown"},
        "DISABLE": {"plain": "plaintext", "istio": "broken", "tls": "unknown"},
    }
    return table[mode or ""][sent]


def policy(*settings: tuple[str, str | None]) -> str:
    return "{" + ", ".join(text % mode for text, mode in settings if mode is not None) + "}"


def build(case: Given) -> list[str]:
    texts = [namespace("shop"), namespace("front"), service("api")]
    texts.append(workload("web", "front", labels=f'sidecar.istio.io/inject: "{str(case.client).lower()}"'))
    texts.append(workload("api", labels=f'sidecar.istio.io/inject: "{str(case.injected).lower()}"'))
    # The older of two has the later name, so that a choice by name is not mistaken for one by age.
    for space, scope, found in (("istio-system", "", case.mesh), ("shop", "", case.own), ("shop", "w", case.workload)):
        for age, mode in enumerate(found):
            selector = "selector: {matchLabels: {app: api}}, " if scope else ""
            ports = f", portLevelMtls: {{8080: {{mode: {case.port}}}}}" if scope and case.port and age == 0 else ""
            spec = f"{{{selector}mtls: {{mode: {mode}}}{ports}}}"
            texts.append(peer(f"p{scope}{9 - age}", spec, space, meta=created(age + 1)))
    top = policy(
        ("tls: {mode: %s}", case.top), ("portLevelSettings: [{port: {number: 80}, tls: {mode: %s}}]", case.rule_port)
    )
    own = policy(
        ("tls: {mode: %s}", case.subset),
        ("portLevelSettings: [{port: {number: 80}, tls: {mode: %s}}]", case.subset_port),
    )
    subset = f"{{name: v1, labels: {{app: api}}, trafficPolicy: {own}}}"
    host = "api.shop.svc.cluster.local"
    texts.append(rule("r", f"{{host: {host}, trafficPolicy: {top}, subsets: [{subset}]}}", case.place))
    return texts


@settings(max_examples=400, deadline=None)
@given(CASES)
def test_the_verdict_is_that_of_the_documentation(case: Given) -> None:
    verdict = ask(mesh(*build(case)), subset="v1" if case.in_subset else "")
    assert verdict.outcome.value == oracle(case), [each.text for each in verdict.reasons]
