"""The timeline of an exercise as a picture: steps as bars, the fault and the recovery as lines."""

from __future__ import annotations

from html import escape
from typing import Any

_COLOURS = {
    "prepare": "#8aa4c8",
    "steady": "#7fb28b",
    "fault": "#c8553d",
    "recover": "#d9a441",
    "verify": "#5f9ea0",
    "collect": "#b0b0b0",
}
_WIDTH, _LEFT, _ROW, _TOP = 960, 330, 24, 46


def timeline(record: dict[str, Any]) -> str:
    """SVG, readable on white and printed; nothing in it is fetched from anywhere."""
    steps = record["timeline"]["steps"]
    end = max([step["to"] for step in steps], default=1.0) or 1.0
    scale = (_WIDTH - _LEFT - 70) / end
    height = _TOP + _ROW * len(steps) + 34
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(_title(record))}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="bold">{escape(_title(record))}</text>',
    ]
    lines += [line for row, step in enumerate(steps) for line in _bar(step, row, scale)]
    bottom = _TOP + _ROW * len(steps)
    for name, at in record["timeline"]["moments"].items():
        x = _LEFT + at * scale
        place = f'x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{bottom}"'
        lines.append(f'<line {place} stroke="#333" stroke-dasharray="4 3"/>')
        anchor = "end" if x > _WIDTH - 120 else "start"
        lines.append(f'<text x="{x + (-4 if anchor == "end" else 4):.1f}" y="{bottom + 16}" text-anchor="{anchor}">'
                     f"{escape(name)} {at:.1f} s</text>")  # fmt: skip
    return "\n".join([*lines, "</svg>", ""])


def _title(record: dict[str, Any]) -> str:
    twin = f" with the fault “{record['twin']}”" if record["twin"] else ""
    return f"{record['drill']}{twin}: {record['outcome']}"


def _bar(step: dict[str, Any], row: int, scale: float) -> list[str]:
    y = _TOP + row * _ROW
    x, width = _LEFT + step["from"] * scale, max((step["to"] - step["from"]) * scale, 1.5)
    colour = _COLOURS.get(step["phase"], "#888")
    frame = ' stroke="#a00" stroke-width="2"' if step["outcome"] in ("failed", "error") else ""
    title = step["title"] if len(step["title"]) <= 46 else step["title"][:45] + "…"
    return [
        f'<text x="12" y="{y + 13}">{escape(title)}</text>',
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 8}" rx="2" fill="{colour}"{frame}/>',
        f'<text x="{x + width + 5:.1f}" y="{y + 13}" fill="#444">{step["to"] - step["from"]:.1f} s</text>',
    ]
