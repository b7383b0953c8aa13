"""The coverage curves as a drawing: promised share of pixels in an interval against the share found there."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

_SIDE, _LEFT, _TOP, _LEGEND = 360, 60, 20, 170
_WIDTH, _HEIGHT = _LEFT + _SIDE + _LEGEND + 70, _TOP + _SIDE + 50
_COLOURS = {"mild": "#4c8bd6", "medium": "#2a9d5c", "hard": "#d9a018", "all": "#222222"}

Points = Sequence[tuple[float, float]]


def draw(table: Path, picture: Path) -> None:
    """Draw ``coverage.csv`` as an SVG."""
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    parts = [_frame(), _line([(0, 0), (1, 1)], "#aaaaaa", 1, "")]
    entries = [("as promised", "#aaaaaa", "")]
    for level in dict.fromkeys(row["level"] for row in rows):
        same = [row for row in rows if row["level"] == level]
        colour = _COLOURS.get(level, "#884488")
        columns = {"covered_after": ("", "calibrated")}
        if level == "all":
            columns["covered_before"] = ("5 4", "as the network states it")
        for column, (dashes, words) in columns.items():
            points = [(float(row["promised"]), float(row[column])) for row in same]
            parts.append(_line(points, colour, 2.5 if level == "all" and not dashes else 1.4, dashes))
            entries.append((f"{level}, {words}", colour, dashes))
    parts += [_entry(number, *entry) for number, entry in enumerate(entries)]
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    picture.write_text("\n".join([head, *parts, "</svg>", ""]), encoding="utf-8")


def _frame() -> str:
    parts = [f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>']
    for step in range(6):
        share = step / 5
        (x, y), (low_x, low_y) = _at(share, share), _at(0, 0)
        parts.append(f'<path d="M{x:.1f} {_TOP}V{low_y}M{low_x} {y:.1f}H{_LEFT + _SIDE}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{x:.1f}" y="{low_y + 16}" text-anchor="middle">{share:.1f}</text>')
        parts.append(f'<text x="{low_x - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.1f}</text>')
    middle = _LEFT + _SIDE / 2
    parts.append(
        f'<text x="{middle}" y="{_TOP + _SIDE + 38}" text-anchor="middle">'
        "promised share of pixels in the interval</text>"
    )
    parts.append(
        f'<text transform="translate(16 {_TOP + _SIDE / 2}) rotate(-90)" text-anchor="middle">share found there</text>'
    )
    return "\n".join(parts)


def _line(points: Points, colour: str, width: float, dashes: str) -> str:
    path = " ".join("{:.1f},{:.1f}".format(*_at(*point)) for point in points)
    style = f'stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" {style}/>'


def _entry(number: int, words: str, colour: str, dashes: str) -> str:
    x, y = _LEFT + _SIDE + 14, _TOP + 14 + 20 * number
    style = f'stroke-dasharray="{dashes}"' if dashes else ""
    line = f'<path d="M{x} {y - 4}h22" stroke="{colour}" stroke-width="2" {style}/>'
    return f'{line}<text x="{x + 28}" y="{y}">{words}</text>'


def _at(x: float, y: float) -> tuple[float, float]:
    return _LEFT + x * _SIDE, _TOP + (1 - y) * _SIDE
