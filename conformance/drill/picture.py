"""The timeline of an exercise as a picture: steps as bars, the outage and the lost data as bands behind them."""

from __future__ import annotations

import textwrap
from html import escape
from typing import Any

_PHASES = {
    "prepare": ("#8aa4c8", "prepare"),
    "steady": ("#7fb28b", "steady state"),
    "fault": ("#c8553d", "fault"),
    "recover": ("#d9a441", "recovery"),
    "verify": ("#5f9ea0", "verification"),
    "collect": ("#b0b0b0", "collecting"),
}
_OUTCOMES = {
    "passed": ("#2e7d4f", "passed"),
    "red": ("#2e7d4f", "failed, as it must"),
    "failed": ("#b3261e", "failed"),
    "error": ("#b3261e", "could not be carried out"),
    "broken": ("#b3261e", "did not fail where it must"),
}
_WIDTH, _LEFT, _RIGHT, _LINE, _TOP = 1180, 445, 70, 15, 126
#: where the two bands begin
_OUTAGE, _LOSS = 92, 110
_TICKS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600)


def timeline(record: dict[str, Any]) -> str:
    """SVG, readable on white and printed, in colours that differ in brightness; nothing in it is fetched."""
    steps = record["timeline"]["steps"]
    scale = (_WIDTH - _LEFT - _RIGHT) / _end(steps)
    rows = [textwrap.wrap(each["title"], 70) or [""] for each in steps]
    tops = [_TOP + sum(_height(row) for row in rows[:each]) for each in range(len(rows))]
    bottom = _TOP + sum(map(_height, rows))
    below = _below(record)
    height = bottom + 34 + _LINE * len(below)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#1f2328" role="img">',
        f"<title>{escape(_title(record))}: {escape(_outcome(record)[1])}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        *_heading(record),
        *_bands(record, scale, bottom),
        *_axis(_end(steps), scale, bottom),
    ]
    for step, row, top in zip(steps, rows, tops, strict=True):
        lines += _row(step, row, top, scale)
    lines += [_text(16, bottom + 40 + _LINE * n, each, fill=fill) for n, (each, fill) in enumerate(below)]
    return "\n".join([*lines, "</svg>", ""])


def _end(steps: list[dict[str, Any]]) -> float:
    return max([step["to"] for step in steps], default=1.0) or 1.0


def _height(row: list[str]) -> int:
    return 10 + _LINE * len(row)


def _title(record: dict[str, Any]) -> str:
    return f"{record['drill']}, with the fault “{record['twin']}” built in" if record["twin"] else str(record["drill"])


def _outcome(record: dict[str, Any]) -> tuple[str, str]:
    return _OUTCOMES.get(record["outcome"], ("#555555", str(record["outcome"])))


def _heading(record: dict[str, Any]) -> list[str]:
    colour, outcome = _outcome(record)
    width = 24 + 7 * len(outcome)
    lines = [
        _text(16, 28, _title(record), size=17, weight="bold"),
        _text(16, 48, f"{record['title']} · {record['timeline']['started']}", fill="#555555"),
        f'<rect x="{_WIDTH - 16 - width}" y="12" width="{width}" height="22" rx="11" fill="{colour}"/>',
        _text(_WIDTH - 16 - width / 2, 27, outcome, fill="#ffffff", anchor="middle", weight="bold"),
    ]
    x = 16.0
    for name in dict.fromkeys(step["phase"] for step in record["timeline"]["steps"]):
        colour, text = _PHASES.get(name, ("#888888", name))
        lines.append(f'<rect x="{x:.0f}" y="61" width="11" height="11" rx="2" fill="{colour}"/>')
        lines.append(_text(x + 16, 71, text, fill="#555555"))
        x += 34 + 6.6 * len(text)
    return lines


def _bands(record: dict[str, Any], scale: float, bottom: float) -> list[str]:
    """From the fault to the first correct answer, and from the newest surviving write to the fault."""
    moments, figures = record["timeline"]["moments"], record["figures"]
    if "fault" not in moments:
        return []
    fault = moments["fault"]
    lines = []
    if "recovered" in moments:
        words = f"outage {moments['recovered'] - fault:.1f} s (RTO)"
        lines += _band(fault, moments["recovered"], words, "#c8553d", _OUTAGE, scale, bottom)
    if figures.get("rpo"):
        words = f"lost {figures['rpo']:.1f} s (RPO)"
        lines += _band(max(0.0, fault - figures["rpo"]), fault, words, "#6b4c9a", _LOSS, scale, bottom)
    x = _LEFT + fault * scale
    lines.append(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="82" y2="{bottom}" stroke="#b3261e" stroke-width="1.5" '
        'stroke-dasharray="4 3"/>'
    )
    return lines


def _band(start: float, end: float, words: str, colour: str, y: float, scale: float, bottom: float) -> list[str]:
    x, width = _LEFT + start * scale, (end - start) * scale
    middle = min(max(x + width / 2, _LEFT + 3.2 * len(words)), _WIDTH - 16 - 3.2 * len(words))
    told, anchor = (middle, "middle") if width > 7 * len(words) or y < _LOSS else (x + width - 5, "end")
    return [
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{bottom - y}" fill="{colour}" fill-opacity="0.08"/>',
        f'<rect x="{x:.1f}" y="{y}" width="{max(width, 1):.1f}" height="3" fill="{colour}"/>',
        _text(told, y - 3, words, fill=colour, anchor=anchor, weight="bold"),
    ]


def _axis(end: float, scale: float, bottom: float) -> list[str]:
    tick = next((each for each in _TICKS if end / each <= 10), end / 10)
    lines = [f'<line x1="{_LEFT}" x2="{_LEFT + end * scale:.1f}" y1="{bottom}" y2="{bottom}" stroke="#888888"/>']
    for number in range(int(end / tick) + 1):
        x = _LEFT + number * tick * scale
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 4}" y2="{bottom}" stroke="#e4e4e4"/>')
        lines.append(_text(x, bottom + 15, f"{number * tick:g} s", fill="#555555", anchor="middle"))
    return lines


def _row(step: dict[str, Any], row: list[str], top: float, scale: float) -> list[str]:
    bad = step["outcome"] in ("failed", "error")
    x, width = _LEFT + step["from"] * scale, max((step["to"] - step["from"]) * scale, 1.5)
    colour = _PHASES.get(step["phase"], ("#888888", ""))[0]
    frame = ' stroke="#b3261e" stroke-width="2"' if bad else ""
    took = f"{step['to'] - step['from']:.1f} s" + (f" · {step['outcome']}" if bad else "")
    fits = x + width + 8 + 6.4 * len(took) < _WIDTH
    label = (x + width + 6, "start") if fits else (x - 6, "end")
    fill = "#b3261e" if bad else "#1f2328"
    return [
        *[_text(16, top + 14 + _LINE * number, text, fill=fill) for number, text in enumerate(row)],
        f'<rect x="{x:.1f}" y="{top + 3}" width="{width:.1f}" height="15" rx="2" fill="{colour}"{frame}/>',
        _text(label[0], top + 15, took, fill=fill if bad else "#444444", anchor=label[1], halo=True),
    ]


def _below(record: dict[str, Any]) -> list[tuple[str, str]]:
    """What one has to know to read the picture alone: why it failed, and what did not run as documented."""
    lines = [(each, "#b3261e") for each in textwrap.wrap(record["reason"], 170)[:4]]
    if record["stand_ins"]:
        told = textwrap.wrap(f"Stand-ins: {'; '.join(record['stand_ins'])}", 170)
        lines += [(each, "#555555") for each in told]
    return lines


def _text(
    x: float, y: float, text: str, *, fill: str = "#1f2328", size: int = 12, weight: str = "normal",
    anchor: str = "start", halo: bool = False,
) -> str:  # fmt: skip
    more = ' stroke="#ffffff" stroke-width="3" paint-order="stroke" stroke-linejoin="round"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}"{more}>{escape(text)}</text>'
    )
