"""Validation of objects against the API schemas of Kubernetes and of custom resources, offline."""

from conformance.schema.store import SchemaFileError, versions
from conformance.schema.validate import SchemaSet
from conformance.schema.verdict import SchemaProblem, Verdict

__all__ = ["SchemaFileError", "SchemaProblem", "SchemaSet", "Verdict", "versions"]
