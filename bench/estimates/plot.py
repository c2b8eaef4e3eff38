"""The picture of docs/estimates.md: estimated against measured, on scales of orders of magnitude.

Written by hand, so that it is small and its colours, in the middle between black and white, can be read on either.
"""

import math

from figures import LOW, Point

SIZE, LEFT, TOP, GAP = 330, 62, 40, 92
INK = "#808890"
COLOURS = {"native": "#3b82f6", "parquet": "#e0792b", "writes": "#22a06b"}
TITLES = {"native": "native tables", "parquet": "Parquet files", "writes": "statements that write"}
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def picture(points: list[Point]) -> str:
    """Two panels: memory at its peak, and bytes scanned."""
    peaks = [(point, *point.peak) for point in points]
    scans = [(point, *point.scan) for point in points if point.scan is not None]
    width, height = LEFT + 2 * SIZE + GAP + 20, TOP + SIZE + 92
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        _panel("memory at its peak", peaks, LEFT, 8 * MIB, 2 * GIB),
        _panel("bytes scanned", scans, LEFT + SIZE + GAP, MIB, GIB / 2),
        _legend(LEFT, TOP + SIZE + 62),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _panel(
    title: str, found: list[tuple[Point, float, float]], left: float, least: float, most: float
) -> str:
    def scaled(value: float) -> float:
        part = math.log(min(max(value, least), most) / least) / math.log(most / least)
        return SIZE * part

    def x(value: float) -> float:
        return left + scaled(value)

    def y(value: float) -> float:
        return TOP + SIZE - scaled(value)

    def line(factor: float, dash: str) -> str:
        low, high = max(least, least / factor), min(most, most / factor)
        ends = f'x1="{x(low):.1f}" y1="{y(low * factor):.1f}" x2="{x(high):.1f}" y2="{y(high * factor):.1f}"'
        return f'<line {ends} stroke="{INK}" stroke-width="1" {dash}/>'

    parts = [
        f'<text x="{left}" y="{TOP - 16}" font-size="14">{title}</text>',
        f'<rect x="{left}" y="{TOP}" width="{SIZE}" height="{SIZE}" fill="none" stroke="{INK}" stroke-opacity="0.6"/>',
        line(1, ""),
        line(LOW, 'stroke-dasharray="2 3"'),
        line(2, 'stroke-dasharray="6 4"'),
    ]
    value = least
    while value <= most:
        at = f"{value / GIB:g} GiB" if value >= GIB else f"{value / MIB:g} MiB"
        parts.append(
            f'<text x="{x(value):.1f}" y="{TOP + SIZE + 17}" text-anchor="middle">{at}</text>'
        )
        parts.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{at}</text>')
        value *= 4
    parts.append(f'<text x="{left + SIZE}" y="{TOP + SIZE + 34}" text-anchor="end">measured</text>')
    parts.append(f'<text x="{left + 6}" y="{TOP + 16}">estimated</text>')
    parts += [_mark(point, x(real), y(estimate)) for point, estimate, real in found]
    return "\n".join(parts)


def _mark(point: Point, x: float, y: float) -> str:
    statement = point.statement
    colour = COLOURS["writes" if statement.schema == "writes" else statement.variant]
    return _shape(statement.is_unseen, colour, x, y, statement.key)


def _shape(is_filled: bool, colour: str, x: float, y: float, title: str = "") -> str:
    style = (
        f'fill="{colour}" fill-opacity="0.85"'
        if is_filled
        else f'fill="none" stroke="{colour}" stroke-width="1.3"'
    )
    told = f"<title>{title}</title>" if title else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" {style}>{told}</circle>'


def _legend(x: float, y: float) -> str:
    parts = []
    for kind, colour in COLOURS.items():
        parts.append(_shape(True, colour, x, y - 4))
        parts.append(f'<text x="{x + 10}" y="{y}">{TITLES[kind]}</text>')
        x += 40 + 7 * len(TITLES[kind])
    parts.append(_shape(True, INK, x, y - 4))
    parts.append(f'<text x="{x + 10}" y="{y}">not fitted on</text>')
    parts.append(_shape(False, INK, x + 104, y - 4))
    parts.append(f'<text x="{x + 114}" y="{y}">fitted on</text>')
    note = f"lines: equal; dotted, {LOW:g} × the measured: too low beneath; dashed, 2 ×"
    parts.append(f'<text x="{LEFT}" y="{y + 20}">{note}</text>')
    return "\n".join(parts)
