"""Design 7.5 and the precedence of PeerAuthentications, sentence by sentence."""

from __future__ import annotations

import pytest

from conformance.mesh.peer import Mode
from tests.mesh.tree import (
    PAIR,
    ask,
    codes,
    created,
    found,
    mesh,
    mesh_config,
    namespace,
    outcome,
    peer,
    service,
    strict,
    workload,
)

SELECT = "selector: {matchLabels: {app: api}}"


def mode(*texts: str, port: int = 8080, root: str = "") -> Mode | None:
    world = mesh(*texts, root=root)
    pod = next(each for each in world.clients if each.owner.name == "api")
    return world.peers.mode(pod, port).mode


def both(kind: str) -> str:
    return f"{{mtls: {{mode: {kind}}}}}"


def test_without_a_policy_a_server_is_permissive() -> None:
    assert mode(*PAIR) == "PERMISSIVE"


def test_mesh_is_overridden_by_namespace_by_workload_by_port() -> None:
    wide = peer("mesh", both("STRICT"), "istio-system")
    own = peer("own", both("PERMISSIVE"))
    single = peer("api", f"{{{SELECT}, mtls: {{mode: STRICT}}, portLevelMtls: {{8080: {{mode: DISABLE}}}}}}")
    assert mode(*PAIR, wide) == "STRICT"
    assert mode(*PAIR, wide, own) == "PERMISSIVE"
    assert mode(*PAIR, wide, own, single, port=9090) == "STRICT"
    assert mode(*PAIR, wide, own, single) == "DISABLE"


@pytest.mark.parametrize("unset", ["{}", "{mtls: {}}", "{mtls: {mode: UNSET}}", "{mtls: null}"])
def test_unset_inherits_from_the_wider_scope(unset: str) -> None:
    wide = peer("mesh", both("STRICT"), "istio-system")
    assert mode(*PAIR, wide, peer("own", unset)) == "STRICT"
    assert mode(*PAIR, strict(), peer("api", f"{{{SELECT}, {unset[1:-1]}}}")) == "STRICT"


def test_unset_of_the_mesh_is_permissive() -> None:
    assert mode(*PAIR, peer("mesh", "{mtls: {mode: UNSET}}", "istio-system")) == "PERMISSIVE"


def test_unset_of_a_port_inherits_from_its_workload() -> None:
    text = f"{{{SELECT}, mtls: {{mode: STRICT}}, portLevelMtls: {{8080: {{mode: UNSET}}}}}}"
    assert mode(*PAIR, peer("api", text)) == "STRICT"


def test_the_oldest_wins_in_one_scope() -> None:
    old, new = peer("z", both("STRICT"), meta=created(1)), peer("a", both("DISABLE"), meta=created(2))
    assert mode(*PAIR, new, old) == "STRICT"
    assert mode(*PAIR, peer("z", f"{{{SELECT}, mtls: {{mode: DISABLE}}}}", meta=created(2)),
                peer("b", f"{{{SELECT}, mtls: {{mode: STRICT}}}}", meta=created(1))) == "STRICT"  # fmt: skip


def test_of_the_same_age_the_first_name_wins() -> None:
    texts = peer("b", both("DISABLE"), meta=created(1)), peer("a", both("STRICT"), meta=created(1))
    assert mode(*PAIR, *texts) == "STRICT"


@pytest.mark.parametrize("spec", [both("STRICT"), f"{{{SELECT}, mtls: {{mode: STRICT}}}}"])
def test_two_of_one_scope_in_files_are_ambiguous(spec: str) -> None:
    world = mesh(*PAIR, peer("a", spec), peer("b", spec))
    verdict = ask(world)
    assert verdict.outcome == "unknown"
    assert verdict.why.startswith("ambiguous: a and b")
    assert found(world, "peer-ambiguous") == [("a", "metadata.name"), ("b", "metadata.name")]


def test_two_for_different_workloads_are_not_ambiguous() -> None:
    texts = peer("api", f"{{{SELECT}, mtls: {{mode: STRICT}}}}"), peer("web", "{selector: {matchLabels: {app: web}}}")
    assert ask(mesh(*PAIR, *texts)).outcome == "mtls"
    assert "peer-ambiguous" not in codes(mesh(*PAIR, *texts))


def test_an_ambiguous_mesh_is_no_matter_to_a_namespace_that_says_its_own() -> None:
    wide = [peer(name, both("DISABLE"), "istio-system") for name in ("a", "b")]
    assert mode(*PAIR, *wide) is None
    assert mode(*PAIR, *wide, strict()) == "STRICT"


def test_a_selector_in_the_root_namespace_is_ignored_everywhere_even_there() -> None:
    wide = peer("api", f"{{{SELECT}, mtls: {{mode: STRICT}}}}", "istio-system")
    assert mode(*PAIR, wide) == "PERMISSIVE"
    inside = namespace("istio-system"), workload("api", "istio-system")
    assert mode(*inside, wide) == "PERMISSIVE"
    assert found(mesh(*PAIR, wide), "peer-root-selector") == [("api", "spec.selector")]


def test_the_root_namespace_is_an_option_and_read_from_the_mesh() -> None:
    wide = peer("mesh", both("STRICT"), "mesh-root")
    assert mode(*PAIR, wide) == "PERMISSIVE"
    assert mode(*PAIR, wide, root="mesh-root") == "STRICT"
    config = mesh_config("rootNamespace: mesh-root", "x")
    assert mode(*PAIR, wide, config) == "STRICT"


def test_a_policy_of_another_namespace_says_nothing() -> None:
    assert mode(*PAIR, strict(space="other")) == "PERMISSIVE"


def test_port_level_needs_a_selector() -> None:
    world = mesh(*PAIR, peer("own", "{mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}"))
    assert ask(world).outcome == "mtls"
    assert found(world, "peer-port-without-selector") == [("own", "spec.portLevelMtls")]


def test_an_empty_selector_is_none() -> None:
    text = "{selector: {matchLabels: {}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}"
    assert mode(*PAIR, peer("own", text)) == "STRICT"


def test_port_level_keys_workload_ports_and_not_service_ports() -> None:
    by_workload = peer("api", f"{{{SELECT}, mtls: {{mode: STRICT}}, portLevelMtls: {{8080: {{mode: DISABLE}}}}}}")
    by_service = peer("api", f"{{{SELECT}, mtls: {{mode: STRICT}}, portLevelMtls: {{80: {{mode: DISABLE}}}}}}")
    assert outcome(*PAIR, by_workload, client=None) == "plaintext"
    assert outcome(*PAIR, by_service, client=None) == "broken"
    world = mesh(*PAIR, by_service)
    assert found(world, "peer-port") == [("api", "spec.portLevelMtls[80]")]
    assert "number of a service port" in next(each.message for each in world.problems() if each.code == "peer-port")
    assert "peer-port" not in codes(mesh(*PAIR, by_workload))


def test_a_port_may_be_written_as_text() -> None:
    text = f'{{{SELECT}, mtls: {{mode: STRICT}}, portLevelMtls: {{"8080": {{mode: DISABLE}}}}}}'
    assert mode(*PAIR, peer("api", text)) == "DISABLE"


def test_every_label_of_a_selector_must_be_there() -> None:
    text = "{selector: {matchLabels: {app: api, tier: gold}}, mtls: {mode: STRICT}}"
    assert mode(*PAIR, peer("api", text)) == "PERMISSIVE"
    assert found(mesh(*PAIR, peer("api", text)), "peer-selector") == [("api", "spec.selector")]


def test_the_chain_names_every_level_and_the_field_that_decides() -> None:
    texts = peer("mesh", both("DISABLE"), "istio-system"), peer("api", f"{{{SELECT}, mtls: {{mode: STRICT}}}}")
    chain = ask(mesh(*PAIR, *texts), client=None).reasons
    fields = [
        (each.subject.name, each.field) for each in chain if each.subject and each.subject.kind == "PeerAuthentication"
    ]
    assert fields == [("mesh", "spec.mtls.mode"), ("api", "spec.mtls.mode")]


@pytest.mark.parametrize("spec", ["{mtls: {mode: strict}}", "{mtls: STRICT}", "{selector: [a]}"])
def test_a_mode_that_is_none_is_unknown_and_a_problem_at_its_field(spec: str) -> None:
    world = mesh(*PAIR, peer("own", spec))
    assert ask(world).outcome == "unknown"
    assert [each[0] for each in found(world, "unreadable")] == ["own"]


def test_a_service_of_another_name_has_no_say() -> None:
    assert outcome(*PAIR, service("other"), strict(), client=None) == "broken"


def test_in_the_root_namespace_the_policy_of_the_mesh_speaks_once() -> None:
    wide = peer("mesh", both("STRICT"), "istio-system")
    world = mesh(namespace("istio-system"), workload("api", "istio-system"), service("api", "istio-system"), wide)
    said = [each.text for each in ask(world, None).reasons if each.subject and each.subject.name == "mesh"]
    assert said == ["PeerAuthentication istio-system/mesh makes the mesh STRICT"]
