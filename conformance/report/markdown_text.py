"""Foreign text inside GitHub-flavoured Markdown: shown as it is, never interpreted.

Source: https://github.github.com/gfm/ (backslash escapes, code spans, tables).
"""

from __future__ import annotations

import re

from conformance.report import wording

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_BACKTICKS = re.compile("`+")


def inline(text: str) -> str:
    """A sentence: HTML and Markdown signs escaped, also safe in a table cell."""
    return _SPECIAL.sub(r"\\\1", wording.prose(text)).translate(_HTML)


def in_html(text: str) -> str:
    """A sentence inside an HTML block such as `<summary>`, where Markdown is not read."""
    return wording.prose(text).translate(_HTML)


def code(text: str) -> str:
    """A name or value as code. `|` would end a table cell even inside a code span, so there it is HTML."""
    shown = wording.plain(text)
    if not shown:
        return ""
    if "|" in shown:
        return "<code>" + _SPECIAL.sub(r"\\\1", shown).translate(_HTML) + "</code>"
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
