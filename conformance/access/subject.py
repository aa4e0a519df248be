"""Who asks: the subjects of bindings, and the identity that a request carries.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from conformance.kube.object import Node, Object

USER, GROUP, ACCOUNT = "User", "Group", "ServiceAccount"
ACCOUNT_PREFIX = "system:serviceaccount:"
ACCOUNTS = "system:serviceaccounts"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
#: The group that may do everything whatever the bindings say: the API server does not ask RBAC about it.
MASTERS = "system:masters"


class SubjectError(ValueError):
    """Words that name no subject."""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A subject as bindings name it. A ServiceAccount's namespace is None where nothing tells it.

    A User called `system:serviceaccount:NS:NAME` is the ServiceAccount, and is kept as one.
    """

    kind: str
    name: str
    namespace: str | None = ""

    @property
    def is_everybody(self) -> bool:
        """Whether this stands for everybody who reaches the API server, or for every pod of a namespace or of all."""
        if self.kind == USER:
            return self.name == ANONYMOUS
        return self.kind == GROUP and (
            self.name in (AUTHENTICATED, UNAUTHENTICATED, ACCOUNTS) or self.name.startswith(f"{ACCOUNTS}:")
        )

    def __str__(self) -> str:
        """`ServiceAccount shop/web`, `Group system:masters`; `?` for a namespace that is not known."""
        where = f"{'?' if self.namespace is None else self.namespace}/" if self.kind == ACCOUNT else ""
        return f"{self.kind} {where}{self.name}"


@dataclass(frozen=True, slots=True)
class Identity:
    """User name and groups of a request; bindings for any of them count together."""

    user: str
    groups: frozenset[str]

    @property
    def keys(self) -> Iterable[tuple[str, str]]:
        """Under what bindings are found that apply."""
        if self.user:
            yield USER, self.user
        for group in sorted(self.groups):
            yield GROUP, group


def identity(subject: Subject) -> Identity:
    """The identity under which a subject's requests come, with the groups that the API server adds by itself.

    What groups a person is in is not known to the cluster: only `system:authenticated` is added. A group stands for
    somebody who is in it and in nothing else.
    """
    if subject.kind == ACCOUNT:
        return account(subject.namespace or "?", subject.name)
    if subject.kind == USER:
        everybody = UNAUTHENTICATED if subject.name == ANONYMOUS else AUTHENTICATED
        return Identity(subject.name, frozenset({everybody}))
    groups = {subject.name}
    if subject.name.startswith(f"{ACCOUNTS}:"):
        groups.add(ACCOUNTS)
    if subject.name != UNAUTHENTICATED:
        groups.add(AUTHENTICATED)
    return Identity("", frozenset(groups))


def account(namespace: str, name: str) -> Identity:
    """The identity of a ServiceAccount."""
    groups = {ACCOUNTS, f"{ACCOUNTS}:{namespace}", AUTHENTICATED}
    return Identity(f"{ACCOUNT_PREFIX}{namespace}:{name}", frozenset(groups))


def key(subject: Subject) -> tuple[str, str]:
    """Under what a binding of this subject is found by `Identity.keys`."""
    if subject.kind == ACCOUNT:
        return USER, f"{ACCOUNT_PREFIX}{'?' if subject.namespace is None else subject.namespace}:{subject.name}"
    return subject.kind, subject.name


def of_binding(node: Node, binding: Object) -> Subject:
    """The subject that an entry of `subjects` means.

    A ServiceAccount without a namespace is one of a RoleBinding's own namespace; in a ClusterRoleBinding, where the API
    server refuses it and kustomize fills it in, its namespace is unknown. Raises `FieldTypeError`.
    """
    kind, name = node.text("kind"), node.text("name")
    if kind == ACCOUNT:
        own = binding.namespace if binding.kind == "RoleBinding" else None
        return Subject(ACCOUNT, name, node.text("namespace") or own)
    return _of_user(name) if kind == USER else Subject(kind, name)


def subject(text: str) -> Subject:
    """A subject from words: `ServiceAccount:NS/NAME`, `Group:NAME`, `User:NAME`, `system:serviceaccount:NS:NAME`, or a
    bare name, which is a User unless it is one of the API server's own groups. `Kind NAME` is read too, as `str` shows
    it. Raises `SubjectError`.
    """
    for kind in (USER, GROUP, ACCOUNT):
        for mark in (":", " "):
            if text.startswith(kind + mark):
                return _of_kind(kind, text[len(kind) + 1 :].strip(), text)
    if not text.strip():
        raise SubjectError("a subject has a name")
    if text in (AUTHENTICATED, UNAUTHENTICATED, MASTERS, ACCOUNTS) or text.startswith(f"{ACCOUNTS}:"):
        return Subject(GROUP, text)
    return _of_user(text)


def matches(who: Subject, pattern: str) -> bool:
    """Whether a subject is meant by words as `subject` reads them, in which namespace and name may be globs.

    A namespace that is not known is matched by `*`. Raises `SubjectError`.
    """
    wanted = subject(pattern)
    namespace = "?" if who.namespace is None else who.namespace or ""
    return (
        who.kind == wanted.kind
        and fnmatchcase(who.name, wanted.name)
        and (fnmatchcase(namespace, wanted.namespace or "") if who.kind == ACCOUNT else True)
    )


def _of_kind(kind: str, name: str, text: str) -> Subject:
    namespace, slash, account_name = name.partition("/")
    if kind == ACCOUNT:
        if not (namespace and slash and account_name):
            raise SubjectError(f"{text}: a ServiceAccount is ServiceAccount:NAMESPACE/NAME")
        return Subject(ACCOUNT, account_name, namespace)
    if not name:
        raise SubjectError(f"{text}: a subject has a name")
    return _of_user(name) if kind == USER else Subject(kind, name)


def _of_user(name: str) -> Subject:
    namespace, colon, own = name.removeprefix(ACCOUNT_PREFIX).partition(":")
    if name.startswith(ACCOUNT_PREFIX) and namespace and colon and own and ":" not in own:
        return Subject(ACCOUNT, own, namespace)
    return Subject(USER, name)
