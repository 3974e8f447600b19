"""Which colours, fonts and short texts does every figure have?"""

from __future__ import annotations

import textwrap
from functools import cache

import plotly.graph_objects as go
import plotly.io as pio

BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#8C8C8C"


PALETTE = (BLUE, VERMILION, GREEN, ORANGE, "#CC79A7", "#56B4E9", "#7A6A00", "#4D4D4D")


DIVERGING = ((0.0, BLUE), (0.25, "#7FB8D8"), (0.5, "#FFFFFF"), (0.75, "#EBA878"), (1.0, VERMILION))


VERDICT_COLOURS = {"skewed": VERMILION, "equivalent": GREEN, "undetermined": GREY, "too small": "#BDBDBD"}


CONFIG = {"displaylogo": False, "responsive": True, "plotlyServerURL": "", "modeBarButtonsToRemove": ["sendDataToCloud"]}
"""For every place that draws a figure: no logo, and nothing that would send it anywhere."""


_FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": "#1f2328"}


_TRACES = ("scatter", "scattergl", "heatmap")
_OTHER_PLOTS = ("geo", "polar", "scene", "ternary")


def short(text: object, most: int = 46) -> str:
    """The text cut to `most` characters, safe to put into a figure."""
    words = str(text)
    return safe(words if len(words) <= most else words[: most - 1].rstrip() + "…")


def axis_title(text: str, most: int = 44) -> str:
    """A title of an axis in lines of at most `most` characters: it stands under the plot, which names may make narrow."""
    return "<br>".join(textwrap.wrap(text, most))


def safe(text: object) -> str:
    """Plotly renders a small set of HTML tags in labels: data must not be able to use it."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def blank(*, height: int) -> go.Figure:
    """An empty figure in the house style."""
    return go.Figure(
        layout={
            "height": height,
            "template": _template(),
            "font": _FONT,
            "margin": {"l": 10, "r": 10, "t": 30, "b": 45},
            "hoverlabel": {"align": "left"},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
        }
    )


@cache
def _template() -> go.layout.Template:
    """What `plotly_white` says of the traces and axes that our figures have; each figure holds and writes its own copy."""
    white = pio.templates["plotly_white"].to_plotly_json()
    return go.layout.Template(
        data={trace: white["data"][trace] for trace in _TRACES},
        layout={key: value for key, value in white["layout"].items() if key not in _OTHER_PLOTS},
    )
