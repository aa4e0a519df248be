"""The certificates that lie in TLS Secrets of a cluster, whoever put them there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object

#: what a look at a cluster keeps of a Secret's certificates
FACTS = "plumblineCertificates"


@check
def test_tls_secret_lasts(
    secret: Object, inventory: Inventory, *, margin: Annotated[str, duration.parse]
) -> Iterator[Said]:
    """Every certificate in a TLS Secret is valid on the day that is judged, and for `margin` after it.

    cert-manager renews its own; those that somebody pasted in years ago are the ones that end. Every certificate of
    the chain counts, because a client refuses a chain with one that has ended. An empty or broken bundle is a finding.
    https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets
    """
    if secret.get("type") != "kubernetes.io/tls":
        yield NotApplicable("no Secret of type kubernetes.io/tls")
        return
    if inventory.as_of is None:
        yield NotApplicable("whether a certificate lasts can be told only with a day to judge as of")
        return
    for key in secret.mapping(FACTS):
        for each in secret.sequence((FACTS, key)):
            if each.text("unreadable"):
                yield Finding(secret, each.path, f"{key} is no certificate: {each.text('unreadable')}")
                continue
            left = (datetime.fromisoformat(each.text("notAfter")).date() - inventory.as_of).days
            if left * 86400 < duration.parse(margin):
                words = "has ended" if left < 0 else "ends too soon"
                field = (*each.path, "notAfter")
                yield Finding(
                    secret, field, f"the certificate of {each.text('subject')} {words}", margin, f"{left} days"
                )
            if datetime.fromisoformat(each.text("notBefore")).date() > inventory.as_of:
                yield Finding(secret, (*each.path, "notBefore"), "the certificate is not valid yet")
