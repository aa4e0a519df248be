"""The edges as a picture: workloads on a ring, namespace by namespace, with an arrow for each connection that a policy
speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import cos, pi, sin

from conformance.network.connectivity import EXTERNAL, Connectivity, Edge
from conformance.network.listing import suffix

#: told apart also by the most common forms of colour blindness
_COLOURS = ("#4269d0", "#c26b00", "#a33b56", "#2a7f62", "#7d4fa8", "#8a6d00", "#0f7c93", "#6b6b6b")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1b1f24}.space{font-weight:600}.port{font-size:10px;fill:#3b4249}"
    ".note{font-size:11px;fill:#57606a}"
)
#: beyond this many arrows their ports are told by the tooltip only
_LABELLED = 40
#: width of one character, a little too wide
_CHARACTER = 6.6


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a workload stands on the ring."""

    angle: float
    x: float
    y: float
    colour: str


def render(world: Connectivity, edges: Iterable[Edge]) -> str:
    """An SVG document. Connections between ends that no policy isolates are open, and not drawn: the legend says so."""
    drawn = [edge for edge in edges if not _is_unpoliced(world, edge)]
    names = [*sorted(world.endpoints), EXTERNAL]
    radius = max(190.0, len(names) * 24 / (2 * pi))
    margin = 40 + _CHARACTER * max(len(_label(name)) for name in names)
    centre = radius + margin
    places = _places(names, radius, centre)
    height = 2 * centre + 64
    body = [
        *_ring(names, places, radius, centre),
        *(_arrow(edge, places, centre, len(drawn) <= _LABELLED) for edge in drawn),
        *_spaces(names, places, radius, centre),
        *(_node(world, name, place) for name, place in places.items()),
        *_legend(2 * centre - 8),
    ]
    size = f'width="{2 * centre:.0f}" height="{height:.0f}" viewBox="0 0 {2 * centre:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="Allowed connections">'
    heads = "".join(_head(colour) for colour in dict.fromkeys(place.colour for place in places.values()))
    return "\n".join([head, f"<style>{_STYLE}</style><defs>{heads}</defs>", *_paper(), *body, "</svg>"]) + "\n"


def _paper() -> Iterator[str]:
    yield '<rect width="100%" height="100%" fill="#fff"/>'


def _is_unpoliced(world: Connectivity, edge: Edge) -> bool:
    return not isolated(world, edge.source, "egress") and not isolated(world, edge.target, "ingress")


def isolated(world: Connectivity, name: str, direction: str) -> bool:
    """Whether a policy limits a workload in a direction; the outside is never limited."""
    mask = world.ends.workloads.get(name, 0)
    return any(section.direction == direction and section.subjects & mask for section in world.sections)


def _places(names: Sequence[str], radius: float, centre: float) -> Mapping[str, _Place]:
    """Evenly on a ring, with a gap between namespaces."""
    spaces = list(dict.fromkeys(_space(name) for name in names))
    step = 2 * pi / (len(names) + 0.8 * len(spaces))
    found, angle = {}, -pi / 2
    for number, (_, members) in enumerate(groupby(names, key=_space)):
        colour = _COLOURS[number % len(_COLOURS)]
        for name in members:
            found[name] = _Place(angle, centre + radius * cos(angle), centre + radius * sin(angle), colour)
            angle += step
        angle += 0.8 * step
    return found


def _space(name: str) -> str:
    return name.partition("/")[0] if "/" in name else ""


def _label(name: str) -> str:
    return name.partition("/")[2] or "outside the cluster"


def _ring(names: Sequence[str], places: Mapping[str, _Place], radius: float, centre: float) -> Iterator[str]:
    """An arc for each namespace, inside the ring of workloads."""
    inner = radius - 14
    for _, first, last, colour in _arcs(names, places):
        start, end, large = _at(centre, inner, first), _at(centre, inner, last), int(last - first > pi)
        yield (
            f'<path d="M{start} A{inner:.1f} {inner:.1f} 0 {large} 1 {end}" fill="none" '
            f'stroke="{colour}" stroke-width="5" stroke-opacity=".35" stroke-linecap="round"/>'
        )


def _spaces(names: Sequence[str], places: Mapping[str, _Place], radius: float, centre: float) -> Iterator[str]:
    """The names of the namespaces, over the arrows."""
    for space, first, last, colour in _arcs(names, places):
        middle = (first + last) / 2
        x, y = _at(centre, radius - 30, middle).split(",")
        halo = 'stroke="#fff" stroke-width="4" paint-order="stroke"'
        place = f'x="{x}" y="{y}" dy="4" text-anchor="{_anchor(middle)}"'
        yield f'<text class="space" {place} {halo} style="fill:{colour}">{escape(space)}</text>'


def _arcs(names: Sequence[str], places: Mapping[str, _Place]) -> Iterator[tuple[str, float, float, str]]:
    """Namespace, first and last angle, colour."""
    for space, grouped in groupby(names, key=_space):
        members = [places[name] for name in grouped]
        if space:
            yield space, members[0].angle - 0.06, members[-1].angle + 0.06, members[0].colour


def _at(centre: float, radius: float, angle: float) -> str:
    return f"{centre + radius * cos(angle):.1f},{centre + radius * sin(angle):.1f}"


def _anchor(angle: float) -> str:
    """Towards the middle of the ring."""
    if abs(cos(angle)) < 0.25:
        return "middle"
    return "end" if cos(angle) > 0 else "start"


def _head(colour: str) -> str:
    return (
        f'<marker id="h{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
    )


def _arrow(edge: Edge, places: Mapping[str, _Place], centre: float, labelled: bool) -> str:
    """A curve that bends towards the middle, in the colour of its source, with the ports near its head."""
    one, other = places[edge.source], places[edge.target]
    title = escape(f"{edge.source} to {edge.target}: {suffix(edge)}")
    bend = 0.45
    if edge.source == edge.target:
        near, far = _turned(one, centre, 0.72, -0.12), _turned(one, centre, 0.72, 0.12)
        line = f"M{one.x:.1f},{one.y:.1f} C{near} {far} {one.x:.1f},{one.y:.1f}"
        text_x, text_y = centre + (one.x - centre) * 0.78, centre + (one.y - centre) * 0.78
    else:
        middle_x, middle_y = (one.x + other.x) / 2, (one.y + other.y) / 2
        x, y = centre + (middle_x - centre) * bend, centre + (middle_y - centre) * bend
        end_x, end_y = other.x + (x - other.x) * 0.045, other.y + (y - other.y) * 0.045
        line = f"M{one.x:.1f},{one.y:.1f} Q{x:.1f},{y:.1f} {end_x:.1f},{end_y:.1f}"
        share = 0.68
        text_x = (1 - share) ** 2 * one.x + 2 * share * (1 - share) * x + share**2 * other.x
        text_y = (1 - share) ** 2 * one.y + 2 * share * (1 - share) * y + share**2 * other.y
    path = (
        f'<path d="{line}" fill="none" stroke="{one.colour}" stroke-width="1.6" stroke-opacity=".75" '
        f'marker-end="url(#h{one.colour[1:]})"/>'
    )
    text = ""
    if labelled:
        halo = 'stroke="#fff" stroke-width="3" paint-order="stroke"'
        text = f'<text class="port" x="{text_x:.1f}" y="{text_y:.1f}" text-anchor="middle" {halo}>'
        text += f"{escape(_short(edge))}</text>"
    return f"<g><title>{title}</title>{path}{text}</g>"


def _turned(place: _Place, centre: float, share: float, turn: float) -> str:
    radius = ((place.x - centre) ** 2 + (place.y - centre) ** 2) ** 0.5
    return _at(centre, radius * share, place.angle + turn)


def _short(edge: Edge) -> str:
    words = edge.ports.words()
    text = str(edge.ports) if len(words) > 3 or not words else ", ".join(words)
    text = text if len(text) < 28 else f"{words[0]} and {len(words) - 1} more"
    return (
        text + (" (part)" if edge.outside and suffix(edge) != str(edge.ports) else "") + (" *" if edge.limits else "")
    )


def _node(world: Connectivity, name: str, place: _Place) -> str:
    """A mark whose left half is full where egress is limited and whose right half is where ingress is."""
    limited = [isolated(world, name, direction) for direction in ("egress", "ingress")]
    halves = "".join(
        f'<path d="M0,-6 A6,6 0 0 {sweep} 0,6 z" fill="{place.colour if full else "#fff"}"/>'
        for full, sweep in zip(limited, (0, 1), strict=True)
    )
    mark = f'<g transform="translate({place.x:.1f},{place.y:.1f})">{halves}'
    mark += f'<circle r="6" fill="none" stroke="{place.colour}" stroke-width="1.5"/></g>'
    # Text beside the ring is turned to lie along the radius; on the left half it is turned again, to stay upright.
    degrees = place.angle * 180 / pi
    left = cos(place.angle) < -1e-9
    turn = degrees + 180 if left else degrees
    anchor, shift = ("end", -12) if left else ("start", 12)
    label = (
        f'<text transform="translate({place.x:.1f},{place.y:.1f}) rotate({turn:.1f})" x="{shift}" y="4" '
        f'text-anchor="{anchor}">{escape(_label(name))}</text>'
    )
    return f"<g><title>{escape(name)}</title>{mark}{label}</g>"


def _legend(top: float) -> Iterator[str]:
    lines = (
        "Left half full: a policy limits egress. Right half full: ingress. Arrows have the colour of their source.",
        "Between ends that no policy limits everything is open and not drawn. (part): some addresses only. "
        "*: some requests only.",
    )
    for number, line in enumerate(lines):
        yield f'<text class="note" x="16" y="{top + 24 + 18 * number:.0f}">{escape(line)}</text>'
