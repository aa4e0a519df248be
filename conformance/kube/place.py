"""Where objects live, as far as files say: a namespace, what rendered them, or the directory they lie in."""

from __future__ import annotations

from conformance.kube.object import Object

#: Namespace, and for objects whose namespace is not known what rendered them.
Place = tuple[str | None, str]


def place(obj: Object) -> Place:
    """Where an object lives, as far as it is known.

    Objects without a known namespace share one only if the same chart or kustomization rendered them; for plain files
    see `Relations.together`.
    """
    return obj.namespace, "" if obj.namespace is not None else rendering(obj)


def rendering(obj: Object) -> str:
    """What rendered an object (a chart, a kustomization); empty for plain files and live objects."""
    via = getattr(obj.origin, "via", "")
    return via if isinstance(via, str) else ""


def together(one: Object, other: Object) -> bool:
    """Whether two objects are surely meant for the same namespace.

    The same known namespace, or none known and the same rendering, or none known and plain files of which one lies in
    the other's directory or below: `web/deployment.yaml` and `web/policies/budget.yaml` belong together,
    `web/deployment.yaml` and `api/budget.yaml` do not.
    """
    if place(one) != place(other):
        return False
    chart = _chart(one)
    if one.namespace is not None or (rendering(one) and not (chart and _chart(other))):
        return True
    left, right = (chart, _chart(other)) if chart else (_directory(one), _directory(other))
    return left == right or left.startswith(right + "/") or right.startswith(left + "/") or not (left and right)


def _chart(obj: Object) -> str:
    """Directory of the chart that rendered an object; several charts may be rendered "with values.yaml"."""
    chart, found, _ = obj.origin.path.partition("/templates/")
    return chart if found and rendering(obj) else ""


def _directory(obj: Object) -> str:
    return obj.origin.path.rpartition("/")[0]
