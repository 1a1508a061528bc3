"""Plots as SVG: lines over tokens or time, drawn by Vega-Lite, coloured by the page's style sheet.

Every plot is 440 units wide, so that its text is as readable on a phone as on a wide screen, where two are
side by side. Colours in the SVG are names of roles (see `ROLES`): the page's CSS replaces them, so one file
works in light and dark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import vl_convert
from markupsafe import Markup

from malmoi.messages import language
from malmoi.report.curves import F64, thin

WIDTH, HEIGHT = 440, 250
COLUMNS = 360  # of the plot itself, in which `thin` keeps the lowest and the highest point
# What the page's style sheet looks for; it also makes the SVG readable without a style sheet.
SERIES = ("#2a62c4", "#c2530a", "#11805c", "#8a3cb4", "#b3246b", "#5c6b00", "#0f7f9e", "#7a5230")
ROLES = {"ink": "#33373d", "faint": "#d9dce1", "flat": "#7b8087"}

Style = Literal["thin", "thick", "dash"]
LOOKS: dict[Style, dict[str, Any]] = {
    "thin": {"strokeWidth": 1.1, "opacity": 0.55},
    "thick": {"strokeWidth": 2},
    "dash": {"strokeWidth": 1.3, "strokeDash": [4, 3]},
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot. thin: training; thick with points: held out; dash: a level to compare with."""

    x: F64
    y: F64
    colour: str
    style: Style = "thin"


@dataclass(frozen=True, slots=True)
class Band:
    """A mean with its spread: a line with points, and y - spread … y + spread shaded."""

    x: F64
    y: F64
    spread: F64
    colour: str


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line to compare the others with, labelled if it has a name."""

    y: float
    name: str
    colour: str = ROLES["flat"]


def colour(number: int) -> str:
    return SERIES[number % len(SERIES)]


def plot(
    marks: Sequence[Line | Band],
    *,
    x_title: str,
    title: str,
    levels: Sequence[Level] = (),
    zero: bool = False,
) -> Markup:
    """An inline SVG without width and height, for a box of any width; `title` is for screen readers."""
    layers: list[dict[str, Any]] = []
    for mark in marks:
        layers += _band(mark) if isinstance(mark, Band) else [_line(mark)]
    for level in levels:
        layers += _level(level, marks)
    for layer in layers:
        encoding = layer["encoding"]
        encoding["x"]["axis"] = {"title": x_title, "labelExpr": _amounts()}
        encoding["x"]["scale"] = {"nice": False}
        encoding["y"]["axis"] = {"title": None, "labelExpr": _measures()}
        encoding["y"]["scale"] = {"zero": zero}
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": HEIGHT,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 2, "top": 8, "right": 12, "bottom": 2},
        "layer": layers,
        "config": _config(),
    }
    return Markup(_inline(vl_convert.vegalite_to_svg(spec), title))  # Vega escapes its text


def _line(line: Line) -> dict[str, Any]:
    x, y = thin(line.x, line.y, COLUMNS)
    looks: dict[str, Any] = {"type": "line", "color": line.colour, "strokeJoin": "round"}
    looks |= LOOKS[line.style]
    if (line.style == "thick" and len(x) <= 40) or len(x) == 1:
        looks["point"] = {"size": 22, "filled": True, "color": line.colour, "opacity": 1}
    return {"data": {"values": _rows(x=x, y=y)}, "mark": looks, "encoding": _encoding()}


def _band(band: Band) -> list[dict[str, Any]]:
    low, high = band.y - band.spread, band.y + band.spread
    shade = {
        "data": {"values": _rows(x=band.x, y=low, y2=high)},
        "mark": {"type": "area", "color": band.colour, "opacity": 0.16},
        "encoding": _encoding() | {"y2": {"field": "y2"}},
    }
    return [shade, _line(Line(band.x, band.y, band.colour, "thick"))]


def _level(level: Level, marks: Sequence[Line | Band]) -> list[dict[str, Any]]:
    ends = [float(end) for mark in marks if len(mark.x) for end in (mark.x.min(), mark.x.max())] or [0.0, 1.0]
    rows = [{"x": x, "y": level.y} for x in (min(ends), max(ends))]
    looks = {"type": "line", "color": level.colour, "strokeWidth": 1.3, "strokeDash": [4, 3]}
    name = {"type": "text", "align": "right", "baseline": "bottom", "dy": -3, "color": level.colour}
    label = _encoding() | {"text": {"value": level.name}}
    drawn: dict[str, Any] = {"data": {"values": rows}, "mark": looks, "encoding": _encoding()}
    named: dict[str, Any] = {"data": {"values": rows[-1:]}, "mark": name, "encoding": label}
    return [drawn, named] if level.name else [drawn]


def _encoding() -> dict[str, Any]:
    return {axis: {"field": axis, "type": "quantitative"} for axis in ("x", "y")}


def _rows(**columns: F64) -> list[dict[str, float]]:
    names = list(columns)
    # Seven digits: a plot shows three.
    lists = [[float(f"{value:.7g}") for value in np.asarray(columns[name]).tolist()] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _amounts() -> str:
    """How an axis writes 8,940,000: 894만, 8.94M."""
    if language() == "ko":
        return (
            "datum.value >= 1e8 ? format(datum.value / 1e8, '~g') + '억'"
            " : datum.value >= 1e4 ? format(datum.value / 1e4, ',~g') + '만' : format(datum.value, ',~g')"
        )
    return "datum.value < 1000 ? format(datum.value, '~g') : replace(format(datum.value, '~s'), 'G', 'B')"


def _measures() -> str:
    """How an axis writes a loss, a rate, a share: Vega's own "~g" would make 200 of it 2e+2."""
    plain = "abs(datum.value) >= 1e-4 || datum.value == 0"
    small = f"{plain} ? format(datum.value, '.4~r') : format(datum.value, '~e')"
    return f"abs(datum.value) >= 1000 ? ({_amounts()}) : {small}"


def _config() -> dict[str, Any]:
    axis = {
        "labelColor": ROLES["ink"],
        "titleColor": ROLES["ink"],
        "gridColor": ROLES["faint"],
        "domainColor": ROLES["faint"],
        "tickColor": ROLES["faint"],
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "tickCount": 5,
        "labelLimit": 0,
        "labelPadding": 5,
    }
    return {
        "font": "sans-serif",
        "background": None,
        "aria": False,
        "view": {"stroke": None},
        "axis": axis,
        "axisX": {
            "grid": False,
            "titleAnchor": "end",
            "labelFlush": True,
            "labelOverlap": "greedy",
            "labelSeparation": 14,
        },
        "axisY": {"domain": False, "ticks": False},
        "text": {"fontSize": 12},
        "line": {"interpolate": "linear"},
    }


_HEAD = re.compile(r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>")
_FONT = re.compile(r' font-family="[^"]*"')
_LONG = re.compile(r"(\d+\.\d)\d+")


def _inline(svg: str, title: str) -> str:
    """Vega's SVG without what the page already has: sizes, fonts, empty frames, digits beyond a tenth."""
    head = _HEAD.match(svg)
    assert head is not None
    body = svg[head.end() :]
    body = _FONT.sub("", body)
    body = re.sub(r'( d="[^"]*")', lambda path: _LONG.sub(r"\1", path[1]), body)
    body = re.sub(r'<path class="(?:background|foreground)"[^>]*/>', "", body)
    body = re.sub(r' (?:pointer-events|aria-hidden|role|aria-roledescription)="[^"]*"', "", body)
    return f'<svg class="plot" {head[1]} role="img" aria-label="{Markup.escape(title)}">{body}'
