"""Holds Kubernetes to what its own documents say."""

__version__ = "0.1.0"
