"""Facts about Kubernetes; imports nothing else of this package."""
