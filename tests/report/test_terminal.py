"""What a person reads at a terminal."""

from __future__ import annotations

import io
import re

import pytest

from conformance.report import terminal
from conformance.report.record import Report
from tests.report import records
from tests.report.records import error, finding, result, where


def shown(report: Report, *, width: int = 100, verbose: bool = False, encoding: str | None = "utf-8") -> str:
    return terminal.render(report, colour=False, width=width, verbose=verbose, encoding=encoding)


def lines_with(text: str, part: str) -> list[str]:
    return [line for line in text.splitlines() if part in line]


def test_finding_is_one_greppable_line_when_piped() -> None:
    line = "    manifests/storage.yaml:4:1  StorageClass local-path  "
    line += "reclaimPolicy: data is deleted with the claim (expected Retain, observed Delete)"
    assert line in shown(records.mixed(), width=0).splitlines()


def test_no_line_is_wider_than_the_terminal_except_for_names_that_cannot_be_broken() -> None:
    wide = [line for line in shown(records.mixed(), width=72).splitlines() if len(line) > 72]
    assert [line for line in wide if not line.startswith(("    apps/web", "  plumbline "))] == []


def test_paths_are_never_broken() -> None:
    path = "a/very/long/path/" + "x" * 90 + ".yaml"
    text = shown(records.run(result(outcome="failed", findings=[finding(location=where(path, 3, 1))])), width=40)
    assert lines_with(text, f"{path}:3:1")


def test_first_findings_then_how_many_more_and_how_to_see_them() -> None:
    text = shown(records.huge(42))
    assert len(lines_with(text, "apps/")) == terminal.FINDINGS_SHOWN
    assert lines_with(text, "… and 37 more (--verbose shows all)")
    assert len(lines_with(shown(records.huge(42), verbose=True), "apps/")) == 42


def test_exactly_as_many_as_shown_need_no_hint() -> None:
    assert "more (--verbose" not in shown(records.huge(terminal.FINDINGS_SHOWN))


def test_many_errors_are_cut_later_than_findings() -> None:
    errors = [error(location=where(f"apps/{n}.yaml", 3, 1)) for n in range(30)]
    text = shown(records.run(result(outcome="error", errors=errors)))
    assert len(lines_with(text, "document: no mapping")) == terminal.ERRORS_SHOWN
    assert lines_with(text, "… and 10 more")


def test_worst_stands_last_before_the_verdict() -> None:
    text = shown(records.mixed())
    order = [text.index(part) for part in ("Warned:", "Failed (2)", "Not all judged:", "FAILED  12 objects")]
    assert order == sorted(order)


def test_severity_orders_requirements_within_an_outcome() -> None:
    text = shown(records.mixed())
    assert text.index("critical  persistence-storageclass-retain") < text.index("high      gitops-image-tag")


def test_errors_name_file_and_line_and_come_with_the_first_step() -> None:
    text = shown(records.mixed())
    assert lines_with(text, "    apps/x.yaml:12:3  document: no mapping")
    assert lines_with(text, "Fix apps/x.yaml:12:3 first")


def test_an_error_keeps_the_findings_beside_it() -> None:
    text = shown(records.run(result(outcome="error", errors=[error()], findings=[finding(message="also this")])))
    assert lines_with(text, "document: no mapping")
    assert lines_with(text, "also this")


def test_passed_and_skipped_are_counted_and_listed_only_on_demand() -> None:
    assert "persistence-vault-audit" not in shown(records.mixed())
    assert "1 is not checked by anything yet (--verbose lists them)" in shown(records.mixed(), width=0)
    told = shown(records.mixed(), verbose=True)
    assert lines_with(told, "persistence-vault-audit")[0].endswith("no StatefulSet vault")
    assert lines_with(told, "persistence-held")[0].endswith("3 looked at")


def test_waived_findings_are_hidden_until_asked_for() -> None:
    report = records.run(result(outcome="failed", findings=[finding(waived="until May"), finding(message="stands")]))
    assert "until May" not in shown(report)
    assert lines_with(shown(report), "stands")
    assert "[waived: until May]" in shown(report, verbose=True, width=0)


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (records.clean(), "HELD  "),
        (records.mixed(), "FAILED  "),
        (records.empty(), "NOTHING JUDGED  "),
        (records.run(result(outcome="error", errors=[error()])), "NOT ALL JUDGED  "),
        (records.run(result(outcome="warned", findings=[finding()])), "HELD, with warnings  "),
    ],
)
def test_verdict(report: Report, words: str) -> None:
    assert any(line.startswith(words) for line in shown(report).splitlines())


def test_summary_counts_everything_in_one_line() -> None:
    line = "FAILED  12 objects, 8 requirements: 1 error, 2 failed, 1 warned, 1 waived, 2 skipped, 1 passed in 1.2 s"
    assert line in shown(records.mixed(), width=0).splitlines()


def test_clean_run_is_short() -> None:
    assert 3 <= len(shown(records.clean()).splitlines()) <= 5


def test_nothing_judged_says_so_and_what_to_do() -> None:
    text = shown(records.empty())
    assert lines_with(text, "Nothing is known about manifests")
    assert lines_with(text, "exit code 5")
    assert lines_with(text, "no StorageClass local-path among 0 objects (3 requirements)")
    assert lines_with(text, "is this the right path?")
    assert "HELD" not in text


def test_profiles_are_named_without_our_own() -> None:
    assert "Judged: manifests by persistence, gitops." in shown(records.mixed())


def test_manifests_cannot_steer_the_terminal() -> None:
    for verbose in (False, True):
        text = shown(records.nasty(), verbose=verbose, width=0)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no-such-codec", None, "cp437"])
def test_any_encoding_can_print_it(encoding: str | None) -> None:
    text = shown(records.nasty(), encoding=encoding)
    text.encode(encoding if encoding in ("ascii", "latin-1", "cp437") else "ascii")
    assert "1 error, 1 failed" in text


def test_ascii_gets_our_own_signs_in_ascii_and_foreign_ones_spelled() -> None:
    text = shown(records.huge(42), encoding="ascii")
    assert lines_with(text, "... and 37 more")
    assert "\\xfcber uns" in shown(records.nasty(), encoding="ascii", width=0)


def test_utf8_keeps_everything() -> None:
    assert "über uns" in shown(records.nasty(), width=0)


class Stream(io.StringIO):
    def __init__(self, *, tty: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self.tty = tty
        self.of = encoding

    def isatty(self) -> bool:
        return self.tty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.of


@pytest.mark.parametrize(
    ("tty", "environ", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": ""}, False),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_on_terminals_only(tty: bool, environ: dict[str, str], expected: bool) -> None:
    assert terminal.wants_colour(Stream(tty=tty), environ) is expected


def test_colours_change_nothing_but_colours() -> None:
    for width in (0, 60, 100):
        for verbose in (False, True):
            coloured = terminal.render(records.mixed(), colour=True, width=width, verbose=verbose, encoding="utf-8")
            assert "\033[" in coloured
            assert re.sub("\033\\[[0-9;]*m", "", coloured) == shown(records.mixed(), width=width, verbose=verbose)


def test_a_stream_decides_width_colour_and_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    piped = terminal.render_for(records.mixed(), Stream(tty=False))
    assert piped == shown(records.mixed(), width=0)
    told = terminal.render_for(records.mixed(), Stream(tty=True, encoding="ascii"), verbose=True)
    assert told == terminal.render(records.mixed(), colour=True, width=60, verbose=True, encoding="ascii")
