"""Charts as plain data for the plotting script in the page; colours are names that the page's theme fills in.

A figure is {"data": [...], "layout": {...}}. Wherever a colour is wanted it says "$primary", "$good", "$bad", "$muted"
or "$text", which `tenure.js` replaces, and replaces again when the theme is switched.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Figure: TypeAlias = dict[str, Any]


def bars(x: Sequence[Any], y: Sequence[Any], *, name: str, links: Sequence[str] | None = None, y_title: str = "",
         x_title: str = "", color: str = "$primary", text: Sequence[str] | None = None) -> Figure:  # fmt: skip
    """Plain bars; with links, a click on one opens the customers it is made of."""
    trace: dict[str, Any] = {"type": "bar", "x": list(x), "y": list(y), "name": name, "marker": {"color": color}}
    if text is not None:
        trace |= {"text": list(text), "textposition": "auto"}
    if links is not None:
        trace["customdata"] = list(links)
    return {
        "data": [trace],
        "layout": {"xaxis": {"title": {"text": x_title}, "type": "category"}, "yaxis": {"title": {"text": y_title}}},
    }


def over_time(
    x: Sequence[str],
    now: Sequence[float | None],
    before: Sequence[float | None],
    *,
    name: str,
    before_name: str = "",
    share: bool = False,
    lines: Sequence[tuple[str, float, str]] = (),
) -> Figure:
    """A figure by period beside the same periods a year before, and the lines it is held against (name, level, tint)."""
    traces: list[dict[str, Any]] = []
    if any(value is not None for value in before):
        traces.append(
            {
                "type": "scatter",
                # A single point is no line.
                "mode": "lines" if sum(value is not None for value in before) > 1 else "lines+markers",
                "x": list(x),
                "y": list(before),
                "name": before_name,
                "line": {"color": "$muted", "dash": "dot", "width": 1.5},
            }
        )
    traces.append(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": list(x),
            "y": list(now),
            "name": name,
            "line": {"color": "$primary", "width": 2},
        }
    )
    for said, level, tint in lines:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": list(x),
                "y": [level] * len(x),
                "name": said,
                "line": {"color": tint, "width": 1, "dash": "dash"},
                "hoverinfo": "name",
            }
        )
    return {
        "data": traces,
        "layout": {
            "xaxis": {"type": "category"},
            "yaxis": {"tickformat": ".1%", "rangemode": "tozero"} if share else {},
            "showlegend": len(traces) > 1,
            "legend": {"orientation": "h", "y": 1.12},
            "hovermode": "x unified",
        },
    }


def waterfall(steps: Sequence[tuple[str, float, str, bool]], *, links: Sequence[str]) -> Figure:
    """From one level to another by what adds and what takes away: (name, value, text, whether it is a level).

    Where the moves are small beside the levels, the axis begins near them and not at zero: else none could be seen.
    """
    heights, at = [], 0.0
    for _name, value, _text, level in steps:
        at = value if level else at + value
        heights.append(at)
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    span = high - low
    cut = span > 0 and low > 3 * span
    axis = {"range": [low - 0.5 * span, high + 0.25 * span]} if cut else {"rangemode": "tozero"}
    return {
        "data": [
            {
                "type": "waterfall",
                "x": [name for name, _value, _text, _level in steps],
                "y": [value for _name, value, _text, _level in steps],
                "measure": ["absolute" if level else "relative" for *_rest, level in steps],
                "text": [text for _name, _value, text, _level in steps],
                "textposition": "outside",
                "cliponaxis": False,
                "customdata": list(links),
                "increasing": {"marker": {"color": "$good"}},
                "decreasing": {"marker": {"color": "$bad"}},
                "totals": {"marker": {"color": "$primary"}},
                "connector": {"line": {"color": "$muted", "width": 1}},
                "hovertemplate": "%{x}: %{text}<extra></extra>",
            }
        ],
        "layout": {"xaxis": {"type": "category"}, "yaxis": axis, "margin": {"l": 48, "r": 12, "t": 28, "b": 32}},
    }


def heat(x: Sequence[str], y: Sequence[str], shares: Sequence[Sequence[float | None]], *, x_title: str = "") -> Figure:
    """Shares by row and column, the stronger the tint; the first row at the top, a gap where there is none."""
    return {
        "data": [
            {
                "type": "heatmap", "x": list(x), "y": list(y), "z": [list(row) for row in shares],
                "colorscale": [[0, "$veil"], [1, "$primary"]], "zmin": 0, "zmax": 1, "showscale": False, "xgap": 2,
                "ygap": 2, "hoverongaps": False, "hovertemplate": "%{y} · %{x}: %{z:.0%}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": x_title}, "type": "category", "showgrid": False},
            "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
        },
    }  # fmt: skip


def forecast(
    x: Sequence[str],
    values: Sequence[float | None],
    links: Sequence[str],
    surprises: Sequence[tuple[int, float | None, float | None]],
    ahead: Sequence[tuple[str, float | None, float | None, float | None]],
    *,
    name: str,
    ahead_name: str,
    surprise_name: str,
    share: bool = False,
) -> Figure:
    """What was, what is to come within its band, and what surprised.

    surprises: place in `values`, and the bounds it was expected within. ahead: period, expected, low, high; the band
    begins at the newest value.
    """
    joint = (x[-1], values[-1], values[-1], values[-1])
    band = [joint, *ahead]
    names = [one[0] for one in band]
    line = "%{y:.1%}" if share else "%{y:,.6~g}"
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "x": [*names, *reversed(names)],
             "y": [*(one[3] for one in band), *(one[2] for one in reversed(band))], "fill": "toself", "fillcolor": "$veil",
             "line": {"width": 0, "color": "$primary"}, "hoverinfo": "skip", "showlegend": False},
            {"type": "scatter", "mode": "lines+markers", "x": list(x), "y": list(values), "name": name,
             "customdata": list(links), "line": {"color": "$primary", "width": 2}, "marker": {"size": 5},
             "hovertemplate": line},
            {"type": "scatter", "mode": "lines+markers", "x": names, "y": [one[1] for one in band], "name": ahead_name,
             "line": {"color": "$primary", "width": 2, "dash": "dot"}, "marker": {"size": 4}, "hovertemplate": line},
            {"type": "scatter", "mode": "markers", "x": [x[at] for at, *_ in surprises],
             "y": [values[at] for at, *_ in surprises], "name": surprise_name, "customdata": [links[at] for at, *_ in surprises],
             "marker": {"color": "$bad", "size": 11, "symbol": "circle-open", "line": {"width": 2.5}},
             "hovertemplate": line, "showlegend": bool(surprises)},
        ],
        "layout": {
            # The band is drawn first; without this its periods would come before those they follow.
            "xaxis": {"type": "category", "categoryorder": "array", "categoryarray": [*x, *names[1:]]},
            "yaxis": {"tickformat": ".1%"} if share else {},
            "showlegend": True, "legend": {"orientation": "h", "y": 1.12}, "hovermode": "closest",
        },
    }  # fmt: skip


def funnel(names: Sequence[str], counts: Sequence[int], text: Sequence[str], *, links: Sequence[str]) -> Figure:
    """How many reach each step, from the first at the top to the last."""
    return {
        "data": [
            {
                "type": "bar", "orientation": "h", "y": list(names), "x": list(counts), "text": list(text),
                "textposition": "auto", "customdata": list(links), "marker": {"color": "$primary"},
                "hovertemplate": "%{y}: %{text}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"rangemode": "tozero"}, "yaxis": {"type": "category", "autorange": "reversed"}, "bargap": 0.35,
            "margin": {"l": 48, "r": 12, "t": 8, "b": 32},
        },
    }  # fmt: skip


def flow(labels: Sequence[str], links: Sequence[tuple[int, int, int]], tints: Sequence[str]) -> Figure:
    """A Sankey diagram: labels and tints of the nodes, (from, to, how many) of the links."""
    return {
        "data": [
            {
                "type": "sankey",
                "arrangement": "snap",
                "node": {"label": list(labels), "color": list(tints), "pad": 14, "thickness": 14, "line": {"width": 0}},
                "link": {
                    "source": [a for a, _b, _n in links],
                    "target": [b for _a, b, _n in links],
                    "value": [n for _a, _b, n in links],
                    "color": "$veil",
                },
            }
        ],
        "layout": {"margin": {"l": 8, "r": 8, "t": 8, "b": 8}},
    }


def bands(
    lines: Sequence[tuple[str, str, Sequence[tuple[Any, float, float, float]]]], *, x_title: str = "", y_title: str = ""
) -> Figure:
    """Lines each within a band: (name, tint, points of x, middle, low, high)."""
    data: list[dict[str, Any]] = []
    for name, tint, points in lines:
        x = [point[0] for point in points]
        data += [
            {"type": "scatter", "mode": "lines", "x": [*x, *reversed(x)],
             "y": [*(point[3] for point in points), *(point[2] for point in reversed(points))],
             "fill": "toself", "fillcolor": "$veil", "line": {"width": 0, "color": tint}, "hoverinfo": "skip",
             "showlegend": False},
            {"type": "scatter", "mode": "lines", "x": x, "y": [point[1] for point in points], "name": name,
             "line": {"color": tint, "width": 2.5}, "hovertemplate": "%{y:,.0f}"},
        ]  # fmt: skip
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": x_title}, "dtick": 1}, "yaxis": {"title": {"text": y_title}, "rangemode": "tozero"},
            "showlegend": True, "hovermode": "x unified", "legend": {"orientation": "h", "y": 1.12, "x": 0},
        },
    }  # fmt: skip


def concentration(curve: Mapping[str, Sequence[float]], *, name: str, alike: str, x_title: str) -> Figure:
    """The share of all value that the best customers bring, beside the line where all bring the same.

    curve: share_of_customers and share_of_value, each rising from 0 to 1 (`insight.segments.concentration`).
    """
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "line": {"dash": "dot", "color": "$muted"},
             "name": alike, "hoverinfo": "skip"},
            {"type": "scatter", "mode": "lines", "x": curve["share_of_customers"], "y": curve["share_of_value"],
             "name": name, "line": {"color": "$primary", "width": 2.5}, "fill": "tonexty", "fillcolor": "$veil"},
        ],
        "layout": {
            "xaxis": {"title": {"text": x_title}, "tickformat": ".0%", "range": [0, 1]},
            "yaxis": {"title": {"text": name}, "tickformat": ".0%", "range": [0, 1.01]},
            "showlegend": False,
        },
    }  # fmt: skip


def calibration(bins: Sequence[Mapping[str, Any]], *, said: str, seen: str, perfect: str) -> Figure:
    """Predicted against observed share, one point a bin; on the diagonal the score means what it says."""
    # Where few leave, the points would huddle in a corner of the whole 0 to 1.
    end = min(1.0, 1.15 * max((max(b["predicted"], b["observed"]) for b in bins), default=1.0))
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "x": [0, end], "y": [0, end], "name": perfect,
             "line": {"dash": "dot", "color": "$muted"}, "hoverinfo": "skip"},
            {"type": "scatter", "mode": "lines+markers", "x": [b["predicted"] for b in bins],
             "y": [b["observed"] for b in bins], "name": seen, "text": [f"n = {b['n']:,}" for b in bins],
             "line": {"color": "$primary"}},
        ],
        "layout": {
            "xaxis": {"title": {"text": said}, "tickformat": ".0%", "range": [0, end]},
            "yaxis": {"title": {"text": seen}, "tickformat": ".0%", "range": [0, end]},
            "showlegend": False,
        },
    }  # fmt: skip


def shares(
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    *,
    y_range: tuple[float, float] | None = None,
    x_title: str = "",
    y_title: str = "",
) -> Figure:
    """Lines of one share over another: (name, points). The first in the main tint, the others beside it."""
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "name": name, "x": [x for x, _y in points], "y": [y for _x, y in points],
             "line": {"color": tint, "width": 2.5 if place == 0 else 1.5, "dash": "solid" if place == 0 else "dot"},
             "hovertemplate": "%{y:.2%}"}
            for place, ((name, points), tint) in enumerate(zip(lines, ("$primary", "$bad", "$muted"), strict=False))
        ],
        "layout": {
            "xaxis": {"title": {"text": x_title}, "tickformat": ".0%", "range": [0, 1]},
            "yaxis": {"title": {"text": y_title}, "tickformat": "~%", "zeroline": True}
            | ({"range": list(y_range)} if y_range else {}),
            "showlegend": len(lines) > 1, "legend": {"orientation": "h", "y": 1.12}, "hovermode": "x unified",
        },
    }  # fmt: skip


def intervals(names: Sequence[str], middle: Sequence[float], low: Sequence[float], high: Sequence[float], *,
              title: str) -> Figure:  # fmt: skip
    """One estimate a line with its interval, and a line at nothing."""
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "markers",
                "x": list(middle),
                "y": list(names),
                "marker": {"color": "$primary", "size": 10},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [h - m for m, h in zip(middle, high, strict=True)],
                    "arrayminus": [m - lo for m, lo in zip(middle, low, strict=True)],
                    "color": "$primary",
                },
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": title}, "tickformat": "+.1%", "zeroline": True, "zerolinewidth": 2},
            "yaxis": {"automargin": True, "type": "category", "autorange": "reversed"},
            "showlegend": False,
        },
    }
