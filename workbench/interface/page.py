"""What is every HTML page made with: templates that escape, figures, and plotly.js inlined once?"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface import numbers
from affect_workbench.workbench.interface.style import CONFIG


def template(name: str) -> Template:
    """A page of `templates/`: what is put into it is escaped, and a value that it asks for and does not get is an error."""
    return _environment().get_template(name)


def figure_html(name: str, figure: go.Figure) -> str:
    """The figure for a page that extends `figure_page.html`, whose script draws it once the page is readable.

    `name` is its id there, and so the same figure gives the same bytes.
    """
    html: str = figure.to_html(
        full_html=False, include_plotlyjs=False, include_mathjax=False, div_id=name, config=dict(CONFIG)
    )
    # On a narrow screen the frame of a plot with names beside it scrolls: they would leave none of the plot.
    kind = "figure" if figure.layout.yaxis.ticktext is None else "figure named"
    quoted = json.dumps(name).replace("<", "\\u003c")
    html = html.replace("<script>", f"<script>(window.figures ??= []).push([{quoted}, () => {{", 1)
    html = html.replace("</script>", "}]);</script>", 1)
    return html.replace("<div ", f'<div class="{kind}" ', 1)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("affect_workbench.workbench.interface"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    words: dict[str, Any] = {name: getattr(numbers, name) for name in ("plural", "points", "percent", "probability")}
    words["column_words"] = column_words
    environment.filters |= words
    environment.globals |= words | {"plotly_js": _plotly_js}
    return environment


@cache
def _plotly_js() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
