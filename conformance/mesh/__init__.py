"""Effective mTLS: who is in the mesh, what a server accepts, what a client sends, and what becomes of it."""

from conformance.mesh.mesh import Edge, Mesh
from conformance.mesh.reason import Problem, Reason
from conformance.mesh.verdict import Outcome, Verdict

__all__ = ["Edge", "Mesh", "Outcome", "Problem", "Reason", "Verdict"]
