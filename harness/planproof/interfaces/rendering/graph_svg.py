"""The task graph as a picture for documents: rows by what waits for what, arrows round the boxes.

The layout is Sugiyama's (Methods for visual understanding of hierarchical system structures, 1981): a row
for each length of the longest chain, stand-ins where an arrow passes a row, rows sorted by the mean of
their neighbours, and columns by isotonic regression, which keeps the distances.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from planproof.errors import ConfigError
from planproof.interfaces.rendering.graphs import FILL, SIGN, joined, shown
from planproof.interfaces.rendering.paint import clip, width
from planproof.plan.model import Claim


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from planproof.plan.graph import Graph

MOST = 400
BOX_WIDTH, BOX_HEIGHT = 208.0, 58.0
LANE = 14.0
GAP, ROW_GAP, MARGIN = 26.0, 46.0, 24.0
LOOSE_COLUMNS = 4
LINE_SIGNS = 31
SWEEPS = 12
LEGEND = (
    Claim.DONE,
    Claim.IN_PROGRESS,
    Claim.OPEN,
    Claim.DEFERRED,
    Claim.BLOCKED,
    Claim.SKIPPED,
    Claim.OPTIONAL,
)
STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#1f2328}"
    ".id{font-size:12px;font-weight:600}.text{font-size:11px}.small{font-size:11px;fill:#57606a}"
    ".title{font-size:15px;font-weight:600}"
    "path.edge{fill:none;stroke:#8c959f;stroke-width:1.4}path.maybe{stroke-dasharray:5 4}"
    "path.circle{stroke:#b3261e;stroke-width:2}"
)


class Place(NamedTuple):
    """Centre of a box or of an arrow's way through a row, in pixels."""

    x: float
    y: float


class Layout(NamedTuple):
    """Where everything goes.

    Attributes:
        places: centre of each task's box.
        ways: for each pair of tasks the centres that its arrow goes through, both ends included.
        size: width and height of the picture in pixels.
    """

    places: dict[str, Place]
    ways: dict[tuple[str, str], list[Place]]
    size: tuple[float, float]


def svg(graph: Graph, plans: Mapping[str, str], title: str) -> Iterator[str]:
    """The picture, line by line.

    Args:
        graph: the graph.
        plans: the path of each plan by its id.
        title: stands above the picture.

    Raises:
        ConfigError: there are too many tasks to draw.
    """
    if len(graph.items) > MOST:
        raise ConfigError(
            f"{len(graph.items)} tasks are too many for a picture (at most {MOST}); "
            f"try dot or name fewer plans"
        )
    laid = layout(graph)
    wide, high = max(laid.size[0], 2 * MARGIN + 9.0 * len(title), 640.0), laid.size[1] + 76.0
    shift = (wide - laid.size[0]) / 2
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" '
        f'height="{high:.0f}" role="img" aria-label="{_attribute(title)}">'
    )
    yield f"<title>{escape(title)}</title><style>{STYLE}</style>"
    yield (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0L8 4L0 8Z" fill="#8c959f"/></marker></defs>'
    )
    yield '<rect width="100%" height="100%" rx="8" fill="#ffffff"/>'
    yield f'<text class="title" x="{MARGIN}" y="30">{escape(title)}</text>'
    yield f'<g transform="translate({shift:.1f} 44)">'
    yield from _arrows(graph, laid)
    for name, place in laid.places.items():
        yield from _box(graph, name, place, plans)
    yield "</g>"
    yield from _legend(graph, high)
    yield "</svg>"


def layout(graph: Graph) -> Layout:
    """Where each task stands and where each arrow goes."""
    order = {name: number for number, name in enumerate(graph.order())}
    pairs = [
        pair for pair in joined(graph.edges) if pair[0] in order and pair[1] in order and pair[0] != pair[1]
    ]
    down = [pair if order[pair[0]] < order[pair[1]] else (pair[1], pair[0]) for pair in pairs]
    tied = {end for pair in pairs for end in pair}
    rank = _ranks([name for name in order if name in tied], down)
    rows, chains = _rows(rank, list(dict.fromkeys(down)))
    _sort_rows(rows, chains)
    x = _columns(rows, chains)
    left = min((x[node] - _half(node) for row in rows for node in row), default=0.0)
    places = {
        node: Place(x[node] - left + MARGIN, MARGIN + BOX_HEIGHT / 2 + number * (BOX_HEIGHT + ROW_GAP))
        for number, row in enumerate(rows)
        for node in row
    }
    right = max((place.x + _half(node) for node, place in places.items()), default=MARGIN)
    bottom = MARGIN + len(rows) * (BOX_HEIGHT + ROW_GAP) - (ROW_GAP if rows else 0)
    loose = _loose([name for name in order if name not in tied], bottom + (ROW_GAP if rows else 0))
    right = max([right, *(place.x + BOX_WIDTH / 2 for place in loose.values())])
    bottom = max([bottom, *(place.y + BOX_HEIGHT / 2 for place in loose.values())])
    ways = {}
    for pair, turned in zip(pairs, down, strict=True):
        way = [places[node] for node in chains[turned]]
        ways[pair] = way if pair == turned else way[::-1]
    real = {name: place for name, place in places.items() if isinstance(name, str)}
    return Layout(real | loose, ways, (right + MARGIN, bottom + MARGIN))


Node = str | tuple[str, str, int]


def _half(node: Node) -> float:
    return BOX_WIDTH / 2 if isinstance(node, str) else LANE / 2


def _ranks(names: Sequence[str], down: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The row of each task: the length of the longest chain above it."""
    above: dict[str, list[str]] = defaultdict(list)
    for before, after in down:
        above[after].append(before)
    rank: dict[str, int] = {}
    for name in names:
        rank[name] = max((rank[before] + 1 for before in above[name]), default=0)
    return rank


def _rows(
    rank: Mapping[str, int], down: Sequence[tuple[str, str]]
) -> tuple[list[list[Node]], dict[tuple[str, str], list[Node]]]:
    """Rows of tasks and stand-ins, and for each pair the nodes that its arrow goes through."""
    rows: list[list[Node]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name, row in rank.items():
        rows[row].append(name)
    chains: dict[tuple[str, str], list[Node]] = {}
    for before, after in down:
        between: list[Node] = [(before, after, row) for row in range(rank[before] + 1, rank[after])]
        for number, node in enumerate(between, start=rank[before] + 1):
            rows[number].append(node)
        chains[before, after] = [before, *between, after]
    return rows, chains


def _neighbours(
    chains: Mapping[tuple[str, str], list[Node]],
) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    up: dict[Node, list[Node]] = defaultdict(list)
    down: dict[Node, list[Node]] = defaultdict(list)
    for chain in chains.values():
        for before, after in pairwise(chain):
            down[before].append(after)
            up[after].append(before)
    return up, down


def _sort_rows(rows: list[list[Node]], chains: Mapping[tuple[str, str], list[Node]]) -> None:
    """Sort each row by the mean place of its neighbours, downwards and upwards in turn."""
    up, down = _neighbours(chains)
    for sweep in range(SWEEPS):
        near, sequence = (up, rows[1:]) if sweep % 2 == 0 else (down, rows[-2::-1])
        place = {node: position / max(1, len(row) - 1) for row in rows for position, node in enumerate(row)}
        for row in sequence:
            mean = {
                node: sum(place[other] for other in near[node]) / len(near[node])
                if near[node]
                else place[node]
                for node in row
            }
            row.sort(key=mean.__getitem__)
            place.update({node: position / max(1, len(row) - 1) for position, node in enumerate(row)})


def _columns(rows: Sequence[list[Node]], chains: Mapping[tuple[str, str], list[Node]]) -> dict[Node, float]:
    """The x of each node: near its neighbours, and never nearer to the next one than their widths allow."""
    up, down = _neighbours(chains)
    x: dict[Node, float] = {}
    for row in rows:
        total = sum(2 * _half(node) for node in row) + GAP * (len(row) - 1)
        x.update(_spaced(row, dict.fromkeys(row, 0.0), start=-total / 2))
    for sweep in range(2 * SWEEPS):
        near, sequence = (up, rows[1:]) if sweep % 2 == 0 else (down, rows[-2::-1])
        for row in sequence:
            wanted = {
                node: sum(x[other] for other in near[node]) / len(near[node]) if near[node] else x[node]
                for node in row
            }
            x.update(_spaced(row, wanted))
    return x


def _spaced(
    row: Sequence[Node], wanted: Mapping[Node, float], start: float | None = None
) -> dict[Node, float]:
    """Places as near as possible to the wanted ones, in the given order and with the needed distances."""
    offsets: list[float] = []
    position = 0.0
    for number, node in enumerate(row):
        if number:
            position += _half(row[number - 1]) + GAP + _half(node)
        offsets.append(position)
    if start is not None:
        first = _half(row[0]) if row else 0.0
        return {node: start + first + offset for node, offset in zip(row, offsets, strict=True)}
    blocks: list[tuple[float, int]] = []
    for node, offset in zip(row, offsets, strict=True):
        mean, count = wanted[node] - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, size = blocks.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        blocks.append((mean, count))
    fitted = [mean for mean, count in blocks for _ in range(count)]
    return {node: fit + offset for node, fit, offset in zip(row, fitted, offsets, strict=True)}


def _loose(names: Sequence[str], top: float) -> dict[str, Place]:
    """Tasks that nothing is tied to, in a grid."""
    return {
        name: Place(
            MARGIN + BOX_WIDTH / 2 + (number % LOOSE_COLUMNS) * (BOX_WIDTH + GAP),
            top + BOX_HEIGHT / 2 + (number // LOOSE_COLUMNS) * (BOX_HEIGHT + GAP),
        )
        for number, name in enumerate(names)
    }


def _arrows(graph: Graph, laid: Layout) -> Iterator[str]:
    circles = {(edge.before, edge.after) for cycle in graph.cycles() for edge in cycle.edges}
    certain = joined(graph.edges)
    for pair, way in laid.ways.items():
        sort = "circle" if pair in circles else "" if certain[pair] else "maybe"
        yield f'<path class="edge {sort}" marker-end="url(#head)" d="{_curve(way)}"/>'
    for before, after in circles:
        if before == after and before in laid.places:
            place = laid.places[before]
            x, y = place.x + BOX_WIDTH / 2, place.y
            bow = f"{x + 24:.1f} {y - 26:.1f} {x + 24:.1f} {y + 26:.1f}"
            loop = f"M{x:.1f} {y - 10:.1f}C{bow} {x:.1f} {y + 10:.1f}"
            yield f'<path class="edge circle" marker-end="url(#head)" d="{loop}"/>'


def _curve(way: Sequence[Place]) -> str:
    """A smooth way from the edge of the first box to the edge of the last, straight where it passes a row."""
    turn = 1 if way[-1].y >= way[0].y else -1
    half = turn * BOX_HEIGHT / 2
    points = [Place(way[0].x, way[0].y + half)]
    for place in way[1:-1]:
        points += [Place(place.x, place.y - half), Place(place.x, place.y + half)]
    points.append(Place(way[-1].x, way[-1].y - half - turn * 2))
    path = f"M{points[0].x:.1f} {points[0].y:.1f}"
    for number, (first, last) in enumerate(pairwise(points)):
        if number % 2:
            path += f"L{last.x:.1f} {last.y:.1f}"
        else:
            middle = (first.y + last.y) / 2
            path += f"C{first.x:.1f} {middle:.1f} {last.x:.1f} {middle:.1f} {last.x:.1f} {last.y:.1f}"
    return path


def _box(graph: Graph, name: str, place: Place, plans: Mapping[str, str]) -> Iterator[str]:
    item = graph.items[name]
    fill, line = FILL[item.claim]
    x, y = place.x - BOX_WIDTH / 2, place.y - BOX_HEIGHT / 2
    dash = ' stroke-dasharray="4 3"' if item.claim in {Claim.DEFERRED, Claim.SKIPPED, Claim.OPTIONAL} else ""
    yield f"<g><title>{escape(f'{name}: {item.text} ({item.claim})')}</title>"
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{BOX_WIDTH:.0f}" '
        f'height="{BOX_HEIGHT:.0f}" rx="6" fill="{fill}" '
        f'stroke="{line}" stroke-width="1.3"{dash}/>'
    )
    label = escape(clip(shown(name, plans), LINE_SIGNS - 5))
    yield f'<text class="id" x="{x + 10:.1f}" y="{y + 18:.1f}">{label}</text>'
    sign = SIGN.get(item.claim, "")
    yield f'<text class="id" x="{x + BOX_WIDTH - 10:.1f}" y="{y + 18:.1f}" text-anchor="end">{sign}</text>'
    for number, text in enumerate(two_lines(item.text, LINE_SIGNS)):
        yield f'<text class="text" x="{x + 10:.1f}" y="{y + 34 + 14 * number:.1f}">{escape(text)}</text>'
    yield "</g>"


def two_lines(text: str, columns: int) -> list[str]:
    """A text on at most two lines, broken between words, with an ellipsis where it was longer."""
    words = text.replace("`", "").split()
    first = ""
    while words and width(f"{first} {words[0]}".strip()) <= columns:
        first = f"{first} {words.pop(0)}".strip()
    if not first and words:
        return [clip(words[0], columns), *([clip(" ".join(words[1:]), columns)] if words[1:] else [])]
    return [line for line in (first, clip(" ".join(words), columns)) if line]


def _legend(graph: Graph, high: float) -> Iterator[str]:
    counted = {claim: sum(item.claim is claim for item in graph.items.values()) for claim in LEGEND}
    x = MARGIN
    for claim, count in counted.items():
        if not count:
            continue
        fill, line = FILL[claim]
        label = f"{str(claim).replace('_', ' ')} {count}"
        place = f'x="{x:.0f}" y="{high - 27:.0f}" width="12" height="12"'
        yield f'<rect {place} rx="3" fill="{fill}" stroke="{line}"/>'
        yield f'<text class="small" x="{x + 18:.0f}" y="{high - 17:.0f}">{label}</text>'
        x += 34 + 6.6 * len(label)


def _attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})
