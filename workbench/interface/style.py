"""Which colours, fonts and short texts does every figure have?"""

from __future__ import annotations

import textwrap

import plotly.graph_objects as go

BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#8C8C8C"


PALETTE = (BLUE, VERMILION, GREEN, ORANGE, "#CC79A7", "#56B4E9", "#7A6A00", "#4D4D4D")


DIVERGING = ((0.0, BLUE), (0.25, "#7FB8D8"), (0.5, "#FFFFFF"), (0.75, "#EBA878"), (1.0, VERMILION))


VERDICT_COLOURS = {"skewed": VERMILION, "equivalent": GREEN, "undetermined": GREY, "too small": "#BDBDBD"}


CONFIG = {"displaylogo": False, "responsive": True, "plotlyServerURL": "", "modeBarButtonsToRemove": ["sendDataToCloud"]}
"""For every place that draws a figure: no logo, and nothing that would send it anywhere."""


_FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": "#1f2328"}


_AXIS = {
    "gridcolor": "#EBF0F8",
    "linecolor": "#EBF0F8",
    "zerolinecolor": "#EBF0F8",
    "zerolinewidth": 2,
    "ticks": "",
    "title": {"standoff": 15},
    "automargin": True,
}


_TEMPLATE = {
    "layout": {
        "colorway": PALETTE,
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "closest",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "title": {"x": 0.05},
        "shapedefaults": {"line": {"color": "#2a3f5f"}},
        "annotationdefaults": {"arrowcolor": "#2a3f5f", "arrowhead": 0, "arrowwidth": 1},
    },
    "data": {"heatmap": [{"colorbar": {"outlinewidth": 0, "ticks": ""}}]},
}
"""What `plotly_white` says about the figures drawn here: the whole of it is checked anew for every figure, which takes
six times as long as this.
"""


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
            "template": _TEMPLATE,
            "font": _FONT,
            "margin": {"l": 10, "r": 10, "t": 30, "b": 45},
            "hoverlabel": {"align": "left"},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
        }
    )
