"""No check may show the secret it found: not in a message, not as the observed or expected value."""

from __future__ import annotations

import pytest

from tests import fixture_cases

CASES = [each for each in fixture_cases.cases() if each.id.startswith("secrets/") and not each.good]
#: what the fixtures have for a password, as it stands there, and the same in base64
VALUES = ("hunter2222", "aHVudGVyMjIyMg==", "not-encrypted-at-all")


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_findings_do_not_show_values(case: fixture_cases.Case) -> None:
    catalogue = fixture_cases.catalogue()
    world = fixture_cases.inventory(case.path.absolute())
    shown = ""
    for name in case.requirements():
        for finding in fixture_cases.judge(catalogue[name], world).findings:
            shown += f"{finding.message} {finding.expected} {finding.observed} {finding.field_text}\n"
    assert shown
    assert not [value for value in VALUES if value in shown]
