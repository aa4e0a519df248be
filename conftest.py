"""Loads the plugin for runs from a checkout; everything else lives in the package."""

pytest_plugins = ["conformance.plugin"]
collect_ignore = ["manifests", "policies", "reports", "bench", "tests/fixtures"]
