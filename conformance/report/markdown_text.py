"""Foreign text inside GitHub-flavoured Markdown: shown as it is, never interpreted.

Source: https://github.github.com/gfm/ (backslash escapes, code spans, tables).
"""

from __future__ import annotations

import re

from conformance.report import wording

#: signs with a meaning anywhere in a line; `$` begins mathematics on GitHub
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
#: what makes a line a heading, a list, a rule
_START = re.compile(r"^(\d{1,9}(?=[.)]\s))?([#+=.)-])")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_BACKTICKS = re.compile("`+")


def inline(text: str) -> str:
    """A sentence with the signs of Markdown and HTML escaped, also safe at the start of a line and in a table cell."""
    return _START.sub(r"\1\\\2", _escaped(wording.prose(text)))


def in_html(text: str) -> str:
    """A sentence inside an HTML block such as `<summary>`, where Markdown is not read."""
    return wording.prose(text).translate(_HTML)


def code(text: str) -> str:
    """A name or value as code. `|` would end a table cell even inside a code span, so there it is HTML."""
    shown = wording.plain(text)
    if not shown:
        return ""
    if "|" in shown:
        return f"<code>{_escaped(shown)}</code>"
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text).translate(_HTML)
