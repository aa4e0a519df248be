"""The pytest plugin: options, one item per requirement, outcomes, reports. It knows nothing of Kubernetes.

Registered under exactly the name `conformance.plugin`, as an entry point and by the root conftest.py, so that
`pytest --pyargs conformance --manifests DIR` works from anybody's repository and is loaded only once.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import pytest

from conformance.options import OPTIONS, settings_of
from conformance.settings import PACKAGE, UsageError

RUN = pytest.StashKey[Any]()
RECORDS = pytest.StashKey[list[Any]]()
BROKEN_OFF = pytest.StashKey[bool]()
OBJECTS = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option of a run; the command line sets the same ones."""
    group = parser.getgroup("plumbline", "kube-plumbline: Kubernetes against documented requirements")
    text = "file or directory to judge; may be repeated"
    group.addoption("--manifests", action="append", default=[], metavar="PATH", help=text)
    for option, told in OPTIONS.items():
        group.addoption(option, **told)


def pytest_configure(config: pytest.Config) -> None:
    """Make the run. Without --manifests the plugin does nothing, so that it can be installed beside other suites."""
    config.addinivalue_line("markers", "severity(name): the requirement's severity")
    for profile in ("cluster", "drill"):
        config.addinivalue_line("markers", f"{profile}: the requirement is judged there too")
    if not config.getoption("--manifests"):
        return
    from conformance.catalogue import CatalogueError
    from conformance.conclusion import report_files
    from conformance.run import Run
    from conformance.settings import resolve

    try:
        run = Run(resolve(settings_of(config.getoption("manifests"), config.getoption)))
        asked = run.asked
        run.check_options()
        report_files(config.getoption("--report"))
    except (UsageError, CatalogueError) as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[RUN] = run
    config.stash[RECORDS] = []
    config.stash[OBJECTS] = 0
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = sorted({str(PACKAGE / f"{_module(each)}.py") for each in asked})


def _module(asked: Any) -> str:
    from conformance import registry

    return registry.modules()[asked.check.name if asked.check else "not_checked"]


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> list[Any] | None:
    """A check that no selected requirement uses is no item at all, not an empty parameter set."""
    check = getattr(obj, "plumbline_check", None)
    if check is None:
        return None
    run = collector.config.stash.get(RUN, None)
    if run is None:
        return []
    return None if any(_uses(each, check.name) for each in run.asked) else []


def _uses(asked: Any, name: str) -> bool:
    return (asked.check.name if asked.check else "not_checked") == name


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item per requirement; marks and ids come from the data."""
    check = getattr(metafunc.function, "plumbline_check", None)
    run = metafunc.config.stash.get(RUN, None)
    if check is None or run is None:
        return
    parameters = [
        pytest.param(each, id=each.id, marks=[getattr(pytest.mark, scope) for scope in _marks(each.requirement.scope)])
        for each in run.asked
        if _uses(each, check.name)
    ]
    metafunc.parametrize("result", parameters, indirect=True)


def _marks(scope: tuple[str, ...]) -> list[str]:
    return [each for each in scope if each in ("cluster", "drill")]


class Verdict:
    """What the fixture `result` gives to a check's test body, which only asserts."""

    def __init__(self, outcome: str, text: str) -> None:
        self.outcome = outcome
        self.text = text

    def verify(self) -> None:
        """Fail with the findings, or xfail when a waiver covers all of them."""
        __tracebackhide__ = True
        if self.outcome == "failed":
            pytest.fail(self.text, pytrace=False)
        if self.outcome == "waived":
            pytest.xfail(self.text)


@pytest.fixture
def result(request: pytest.FixtureRequest) -> Verdict:
    """Evaluate the requirement. This happens in setup, so what cannot be evaluated is an ERROR, not a FAILED."""
    from conformance.sources.load import WorkerError

    run = request.config.stash[RUN]
    try:
        entry = run.judge(request.param)
    except (WorkerError, FileNotFoundError) as error:  # nothing can be judged: one line instead of one for each item
        print(f"plumbline: {error}", file=sys.stderr)
        request.config.stash[BROKEN_OFF] = True
        pytest.exit(str(error), returncode=int(pytest.ExitCode.TESTS_FAILED))
    request.node.plumbline_record = entry
    properties = {"id": entry["id"], "severity": entry["severity"], "document": entry["source"]["document"]}
    request.node.user_properties += [*properties.items(), ("section", entry["source"]["section"])]
    text = summary_text(entry)
    if entry["outcome"] == "error":
        pytest.fail(text, pytrace=False)
    if entry["outcome"] == "skipped":
        pytest.skip(entry["reason"] or "nothing to judge")
    return Verdict(entry["outcome"], text)


def summary_text(entry: Any) -> str:
    """A result as plain lines, for pytest's own terminal and JUnit report."""
    lines = [entry["statement"]]
    for each in (*entry["errors"], *entry["findings"]):
        where, who = each["location"], each["object"]
        place = f"{where['path']}:{where['line']}" if where and where["line"] else where["path"] if where else ""
        name = "/".join(p for p in (who["kind"], who["namespace"], who["name"]) if p) if who else ""
        lines.append(" ".join(p for p in (place, name, each["field"], each.get("message") or each.get("reason")) if p))
    return "\n".join(lines)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the record along with the report, which xdist carries from worker to controller."""
    report = yield
    entry = getattr(item, "plumbline_record", None)
    if entry is not None and (report.when == "call" or (report.when == "setup" and not report.passed)):
        report.plumbline_record = entry  # type: ignore[attr-defined]
        report.plumbline_objects = item.config.stash[RUN].objects  # type: ignore[attr-defined]
    return report


class Recorder:
    """Collects the records, in the process that writes the reports."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what the workers found."""
        entry = getattr(report, "plumbline_record", None)
        if entry is not None:
            self.config.stash[RECORDS].append(entry)
            self.config.stash[OBJECTS] = max(self.config.stash[OBJECTS], getattr(report, "plumbline_objects", 0))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Only the controller of a distributed run records."""
    if session.config.stash.get(RUN, None) is not None and not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Recorder(session.config), "plumbline-recorder")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the reports, and never leave 0 behind a run that judged nothing or whose waivers are rotten.

    A run that was broken off writes nothing: a report of a part looks like a report of the whole.
    """
    config = session.config
    run = config.stash.get(RUN, None)
    if run is None or hasattr(config, "workerinput") or config.getoption("collectonly", False):
        return
    whole = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    if exitstatus == pytest.ExitCode.USAGE_ERROR:  # pytest says itself what is wrong with -k
        return
    if not whole or config.stash.get(BROKEN_OFF, False):
        print("plumbline: broken off; nothing was reported", file=sys.stderr)
        return
    from conformance.conclusion import conclude, report_files

    files = report_files(config.getoption("--report"))
    show = getattr(config, "plumbline_show", None)
    code = conclude(run, config.stash[RECORDS], config.stash[OBJECTS], files, show)
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = code
