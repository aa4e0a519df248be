"""What import-linter's contracts cannot say: check modules hold checks, and reach for facts only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "conformance"
CHECKS = sorted(PACKAGE.glob("test_*.py"))
ALLOWED = (
    "access",
    "check",
    "declared",
    "evidence",
    "finding",
    "kube",
    "mesh",
    "network",
    "promql",
    "scaling",
    "schema",
    "scripts",
)


@pytest.mark.parametrize("module", CHECKS, ids=[each.stem for each in CHECKS])
def test_a_check_imports_facts_and_no_engine(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("conformance."):
            assert node.module.split(".")[1] in ALLOWED, node.module
        if isinstance(node, ast.Import):
            assert {each.name for each in node.names}.isdisjoint({"os", "subprocess", "pathlib", "socket"})


@pytest.mark.parametrize("module", CHECKS, ids=[each.stem for each in CHECKS])
def test_whatever_pytest_would_collect_there_is_a_check(module: Path) -> None:
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            assert [ast.unparse(each) for each in node.decorator_list] == ["check"], node.name
            assert ast.get_docstring(node), node.name


def test_modules_stay_small() -> None:
    long = {str(each): count for each in PACKAGE.rglob("*.py") if (count := len(each.read_text().splitlines())) > 330}
    assert long == {}
