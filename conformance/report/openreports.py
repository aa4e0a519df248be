"""Reports of openreports.io/v1alpha1, the successor of PolicyReport with the same shape.

https://github.com/openreports/reports-api
"""

from __future__ import annotations

from conformance.report.policyreport import listed
from conformance.report.record import Report


def write(report: Report) -> bytes:
    """A List of Reports and ClusterReports."""
    return listed(report, "openreports.io/v1alpha1", ("Report", "ClusterReport"))
