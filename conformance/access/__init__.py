"""Effective access: who can do what under RBAC, by which binding and rule."""

from conformance.access.access import Access, Answer, Reason, Verdict, access
from conformance.access.grants import Fault, Grant
from conformance.access.rule import Action, ActionError, Rule, action
from conformance.access.subject import Identity, Subject, SubjectError, identity, subject

__all__ = [
    "Access",
    "Action",
    "ActionError",
    "Answer",
    "Fault",
    "Grant",
    "Identity",
    "Reason",
    "Rule",
    "Subject",
    "SubjectError",
    "Verdict",
    "access",
    "action",
    "identity",
    "subject",
]
