"""Falco: whom it tells, and what Talon may do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.variables import variables

_WEBHOOK = "SLACK_WEBHOOKURL"


def _read(config: Object, key: str) -> Any:
    """YAML in a ConfigMap; None for what is not there or cannot be read."""
    text = config.get(("data", key))
    try:
        return yaml.safe_load(text) if isinstance(text, str) else None
    except yaml.YAMLError:
        return None


@check
def test_falco_forwarding(
    workload: Object, inventory: Inventory, *, config: str, key: str, sidekick: str
) -> Iterator[Said]:
    """Falco sends what it sees to falcosidekick over HTTP, which has Slack's webhook from a Secret.

    A webhook's URL is a credential: whoever has it writes into the channel. A minimum priority above `warning` keeps
    most of what is seen to itself. https://falco.org/docs/concepts/outputs/channels/#http-https-output
    """
    found = next(
        (e for e in inventory.of_kind("ConfigMap") if (e.namespace, e.name) == (workload.namespace, config)), None
    )
    settings = _read(found, key) if found is not None else None
    if found is None or not isinstance(settings, dict):
        yield Finding(workload, "metadata.name", f"its configuration {config} cannot be read", key)
    else:
        output = settings.get("http_output") or {}
        if output.get("enabled") is not True or sidekick not in str(output.get("url", "")):
            yield Finding(found, ("data", key), f"does not send to {sidekick}", "http_output.enabled: true")
    targets = [e for e in inventory.pods() if (e.owner.namespace, e.owner.name) == (workload.namespace, sidekick)]
    if not targets:
        yield Finding(None, "", f"no workload {workload.namespace}/{sidekick}")
    for pod in targets:
        for container in pod.containers:
            known = variables(container, inventory)
            webhook, least = known.get(_WEBHOOK), known.get("SLACK_MINIMUMPRIORITY")
            if webhook is None:
                yield Finding(pod.owner, (*container.path, "env"), "has no output to Slack", _WEBHOOK)
            elif webhook.kind != "Secret":
                yield Finding(pod.owner, webhook.path, "the webhook does not come from a Secret", "secretKeyRef")
            if least is not None and least.value in ("error", "critical", "alert", "emergency"):
                yield Finding(pod.owner, least.path, "filters most of what Falco sees", "warning", least.value)


def _rules(config: Object, key: str) -> list[dict[str, Any]] | None:
    found = _read(config, key)
    if not isinstance(found, list):
        return None
    return [each for each in found if isinstance(each, dict)]


@check
def test_talon_dry_run(config: Object, *, key: str) -> Iterator[Said]:
    """Every rule of Talon only says what it would do: `dry_run: true` on the rule itself; one without it acts.

    https://docs.falco-talon.org/docs/rules/
    """
    rules = _rules(config, key)
    if rules is None:
        yield Finding(config, ("data", key), "no rules can be read", key)
        return
    for each in rules:
        if "rule" in each and str(each.get("dry_run", "false")).lower() != "true":
            yield Finding(config, ("data", key), f"rule {each['rule']!r} acts", "dry_run: true", each.get("dry_run"))
    if not any("rule" in each for each in rules):
        yield NotApplicable("there are no rules")


@check
def test_talon_actions(config: Object, *, key: str, scenarios: dict[str, str]) -> Iterator[Said]:
    """Each scenario, a Falco rule by a part of its name, is answered by the documented actionner."""
    rules = _rules(config, key) or []
    actionners = {each["action"]: each.get("actionner", "") for each in rules if "action" in each}
    for scenario, wanted in scenarios.items():
        found = [each for each in rules if "rule" in each and _means(each, scenario)]
        if not found:
            yield Finding(config, ("data", key), f"no rule for {scenario!r}", wanted)
        for each in found:
            done = [
                action.get("actionner") or actionners.get(action.get("action"), "")
                for action in each.get("actions") or ()
                if isinstance(action, dict)
            ]
            if wanted not in done:
                yield Finding(config, ("data", key), f"rule {each['rule']!r} does something else", wanted, done)


def _means(rule: dict[str, Any], scenario: str) -> bool:
    names = (rule.get("match") or {}).get("rules") or []
    return any(scenario.lower() in str(name).lower() for name in names)
