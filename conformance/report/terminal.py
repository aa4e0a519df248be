"""Results for a person at a terminal, perhaps at three in the morning: what is wrong, where, and what to do next.

The worst stands nearest to the end, because that is what is on the screen when the command returns.
"""

from __future__ import annotations

import codecs
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from conformance.report import wording
from conformance.report.next_steps import Step, steps
from conformance.report.record import ErrorRecord, FindingRecord, Report, ResultRecord
from conformance.settings import OWN_PROFILE

#: of one requirement, without --verbose
FINDINGS_SHOWN = 5
ERRORS_SHOWN = 20
#: characters of an expected or observed value, without --verbose
VALUE_LIMIT = 120

_COLOURS = {
    "error": "1;31",
    "failed": "31",
    "warned": "33",
    "waived": "36",
    "passed": "32",
    "dim": "2",
    "bold": "1",
}
_ASCII = str.maketrans({"…": "...", "–": "-", "“": '"', "”": '"', "’": "'", "→": "->", "≥": ">=", "≤": "<="})
_TITLES = {
    "passed": "Held",
    "skipped": "Skipped",
    "waived": "Waived: known, and accepted by somebody until a day",
    "warned": "Warned: advice, or below --fail-on",
    "failed": "Failed",
    "error": "Not all judged: something cannot be read or evaluated",
}


@dataclass(frozen=True, slots=True)
class Page:
    """How to write; `width` 0 never wraps, so that piped output keeps one finding on one line."""

    colour: bool
    width: int
    verbose: bool

    def paint(self, name: str, text: str) -> str:
        """Text in a colour, when colours are wanted."""
        return f"\033[{_COLOURS[name]}m{text}\033[0m" if self.colour and text else text

    def fits(self, length: int) -> bool:
        """Whether a line of that length needs no wrapping."""
        return not self.width or length <= self.width

    def wrapped(self, text: str, indent: int, lead: str = "", painted: str = "") -> list[str]:
        """Lines of at most the width, the first one led by `lead`, which is shown as `painted`.

        Words, and so paths, are never broken.
        """
        margin = " " * indent
        start = lead or margin
        if not self.width:
            return [(painted or start) + text]
        lines = textwrap.wrap(
            text,
            max(self.width, indent + 20),
            initial_indent=start,
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return [painted + lines[0][len(start) :], *lines[1:]] if painted and lines else lines


def render_for(report: Report, stream: TextIO, *, verbose: bool = False) -> str:
    """The report as this stream can show it: its width, colours and encoding."""
    import os
    import shutil

    width = shutil.get_terminal_size().columns if stream.isatty() else 0
    colour = wants_colour(stream, os.environ)
    return render(report, colour=colour, width=width, verbose=verbose, encoding=stream.encoding)


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Colours on a terminal only. A non-empty NO_COLOR switches them off, else a non-empty FORCE_COLOR on.

    Source: https://no-color.org and https://force-color.org; pytest decides in the same order.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def render(report: Report, *, colour: bool, width: int, verbose: bool, encoding: str | None) -> str:
    """The whole report, ending in a newline; characters that `encoding` lacks are replaced, never an error."""
    page = Page(colour, width, verbose)
    lines: list[str] = []
    for outcome, write in _SECTIONS:
        results = wording.of_outcome(report, outcome)
        if results and (verbose or outcome in ("warned", "failed", "error")):
            heading = f"{_TITLES[outcome]} ({len(results):,})"
            lines += [page.paint("bold", heading), *write(results, page), ""]
    lines += _verdict(report, page)
    lines += _next(list(steps(report)), page)
    return encodable("\n".join(lines) + "\n", encoding)


def encodable(text: str, encoding: str | None) -> str:
    """Text that can be written in an encoding: our own signs in ASCII, foreign characters as `\\u…`."""
    try:
        name = codecs.lookup(encoding or "ascii").name
        text.encode(name)
    except LookupError:
        name = "ascii"
    except UnicodeEncodeError:
        pass
    else:
        return text
    return text.translate(_ASCII).encode(name, "backslashreplace").decode(name)


def _one_line_each(results: list[ResultRecord], page: Page) -> Iterator[str]:
    """Passed and skipped ones, in verbose runs."""
    widest = max(len(wording.label(each)) for each in results)
    for result in results:
        said = wording.prose(result["reason"]) or f"{result['evaluated']:,} looked at"
        yield f"  {_head(result, page, widest)}  {page.paint('dim', said)}"


def _compact(results: list[ResultRecord], page: Page) -> Iterator[str]:
    """Warned ones: one line for each requirement, unless everything is wanted."""
    if page.verbose:
        yield from _full(results, page)
        return
    widest = max(len(wording.label(each)) for each in results)
    for result in results:
        findings = wording.standing(result)
        where = wording.place(findings[0]["location"]) or wording.object_name(findings[0]["object"])
        first = f", first at {where}" if where and len(findings) > 1 else f" at {where}" if where else ""
        yield f"  {_head(result, page, widest)}  {wording.count(len(findings), 'finding')}{first}"


def _full(results: list[ResultRecord], page: Page) -> Iterator[str]:
    """Each requirement with what is wrong and what to do about it."""
    for result in results:
        lead = f"  {result['severity']:<8}  {wording.label(result)}  "
        yield from page.wrapped(wording.prose(result["title"]), 12, lead, f"  {_head(result, page)}  ")
        errors, findings = result["errors"], wording.standing(result)
        if page.verbose:
            findings = result["findings"]
        yield from _some((_error(each, page) for each in errors), len(errors), ERRORS_SHOWN, page)
        yield from _some((_finding(each, page) for each in findings), len(findings), FINDINGS_SHOWN, page)
        if result["remediation"]:
            yield from page.wrapped(wording.prose(result["remediation"]), 9, "    Fix: ")


def _head(result: ResultRecord, page: Page, width: int = 0) -> str:
    return f"{result['severity']:<8}  " + page.paint(_painted(result), f"{wording.label(result):<{width}}")


def _painted(result: ResultRecord) -> str:
    return result["outcome"] if result["outcome"] in _COLOURS else "dim"


def _some(said: Iterable[list[str]], number: int, limit: int, page: Page) -> Iterator[str]:
    """The first few, and how many there are besides."""
    for index, lines in enumerate(said):
        if index == limit and not page.verbose:
            yield "    " + page.paint("dim", f"… and {number - limit:,} more (--verbose shows all)")
            return
        yield from lines


def _finding(finding: FindingRecord, page: Page) -> list[str]:
    waived = f" [waived: {wording.prose(finding['waived'])}]" if finding["waived"] else ""
    return _located(finding, wording.sentence(finding, 0 if page.verbose else VALUE_LIMIT) + waived, page)


def _error(error: ErrorRecord, page: Page) -> list[str]:
    return _located(error, wording.error_sentence(error, 0 if page.verbose else VALUE_LIMIT), page)


def _located(said: FindingRecord | ErrorRecord, text: str, page: Page) -> list[str]:
    """Place, object and sentence on one line where they fit, else the sentence below."""
    where, origin = wording.place(said["location"]), wording.via(said["location"])
    where += f" ({origin})" if origin else ""
    who = wording.object_name(said["object"])
    if not where and not who:
        return page.wrapped(text, 4)
    length = len(where) + len(who) + (2 if where and who else 0)
    head = "    " + "  ".join(part for part in (page.paint("bold", where), who) if part)
    if page.fits(4 + length + 2 + len(text)):
        return [f"{head}  {text}"]
    return [head, *page.wrapped(text, 6)]


_SECTIONS: tuple[tuple[str, Callable[[list[ResultRecord], Page], Iterator[str]]], ...] = (
    ("passed", _one_line_each),
    ("skipped", _one_line_each),
    ("waived", _full),
    ("warned", _compact),
    ("failed", _full),
    ("error", _full),
)


def _verdict(report: Report, page: Page) -> Iterator[str]:
    """One line with all counts, and one about what was not looked at."""
    summary = report["summary"]
    word, colour = _word(report)
    numbers = ", ".join(f"{number:,} {outcome}" for outcome, number in wording.counts(report)) or "none asked"
    asked = wording.count(len(report["results"]), "requirement")
    text = f"{wording.count(summary['objects'], 'object')}, {asked}: {numbers} in {summary['seconds']:.1f} s"
    yield from page.wrapped(text, 2, f"{word}  ", f"{page.paint(colour, word)}  ")
    profiles = ", ".join(dict.fromkeys(each["profile"] for each in report["results"] if each["profile"] != OWN_PROFILE))
    paths = ", ".join(wording.plain(path) for path in wording.target_paths(report))
    yield from page.wrapped(f"Judged: {paths or wording.cluster(report)} by {profiles or 'no profile'}.", 2)
    unchecked = sum(wording.not_checked(each) for each in report["results"])
    idle = summary["skipped"] - unchecked
    parts = [f"{idle:,} had nothing to judge"] if idle else []
    parts += [f"{unchecked:,} {'is' if unchecked == 1 else 'are'} not checked by anything yet"] if unchecked else []
    if parts:
        shown = "" if page.verbose else " (--verbose lists them)"
        yield from page.wrapped(f"Skipped: {' and '.join(parts)}{shown}.", 2)


def _word(report: Report) -> tuple[str, str]:
    summary = report["summary"]
    if wording.nothing_judged(report):
        return "NOTHING JUDGED", "error"
    if summary["failed"]:
        return "FAILED", "error"
    if summary["error"]:
        return "NOT ALL JUDGED", "error"
    return ("HELD, with warnings", "warned") if summary["warned"] else ("HELD", "passed")


def _next(found: list[Step], page: Page) -> Iterator[str]:
    if not found:
        return
    yield page.paint("bold", "Next:")
    widest = max(min(len(each.command), 80) for each in found)
    for each in found:
        if not each.command:
            yield from page.wrapped(each.text, 4 if each.text.startswith("- ") else 2, "  ")
        elif page.fits(2 + widest + 2 + len(each.text)):
            yield f"  {page.paint('bold', f'{each.command:<{widest}}')}  {each.text}"
        else:
            yield f"  {page.paint('bold', each.command)}"
            yield from page.wrapped(each.text, 6)
