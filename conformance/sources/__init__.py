"""Bytes to objects: files, charts and kustomizations; no judgement."""
