"""How does one HTML file show what a probe and everything beside it do on several datasets?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go

from workbench.calibration_figures import reliability_figure
from workbench.evaluation_table import LEGEND, DatasetTable
from workbench.figures import BLUE, CONFIG, GREEN, GREY, VERMILION, blank, safe, short

_STYLE = {
    "probe": (BLUE, "circle", "the probe"),
    "baseline": (GREY, "square", "baselines, fitted on this dataset"),
    "zero-shot": (GREEN, "triangle-up", "zero-shot text"),
    "reported": (VERMILION, "diamond-open", "reported by TinyEmo, no interval"),
}


def evaluation_html(tables: Sequence[DatasetTable], *, title: str = "Evaluation") -> str:
    """The tables as one self-contained page; the same tables always give the same bytes.

    plotly.js is inlined once, nothing is fetched, and everything that comes from the data is escaped.

    Raises:
        ValueError: no table.
    """
    if not tables:
        raise ValueError("there is nothing to show: no dataset was evaluated")
    blocks = [
        {
            "item": item,
            "cells": item.cells(),
            "recalls": item.recalls(),
            "kinds": list(item.table["kind"]),
            "accuracy": _drawn(f"accuracy-{number}", accuracy_figure(item)),
            "reliability": _drawn(
                f"reliability-{number}", reliability_figure({item.table["model"].iloc[0]: item.reliability})
            ),
        }
        for number, item in enumerate(tables)
    ]
    page = _template().render(title=title, blocks=blocks, legend=LEGEND, plotly_js=_plotly_js())
    return str(page).rstrip() + "\n"


def accuracy_figure(item: DatasetTable) -> go.Figure:
    """Accuracy of every model with its 95 % interval, in the order of the table; kinds differ in colour and mark."""
    table = item.table
    figure = blank(height=100 + 27 * len(table))
    for kind in dict.fromkeys(table["kind"]):
        at = np.flatnonzero((table["kind"] == kind).to_numpy())
        part = table.iloc[at]
        colour, symbol, name = _STYLE[kind]
        figure.add_scatter(
            x=100 * part["accuracy"],
            y=at,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (100 * (part["high"] - part["accuracy"])).fillna(0),
                "arrayminus": (100 * (part["accuracy"] - part["low"])).fillna(0),
                "thickness": 2,
                "width": 0 if kind == "reported" else 5,
            },
            mode="markers",
            name=name,
            marker={"color": colour, "size": 10, "symbol": symbol, "line": {"width": 2, "color": colour}},
            hovertext=[
                f"<b>{safe(model)}</b><br>{100 * accuracy:.1f} %"
                for model, accuracy in zip(part["model"], part["accuracy"], strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_yaxes(
        tickvals=list(range(len(table))), ticktext=[short(model.replace(", reported", ""), 60) for model in table["model"]],
        range=[len(table) - 0.4, -0.6], automargin=True, zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(title="accuracy, 95 % interval", ticksuffix=" %", range=[0, 101], zeroline=False)
    figure.update_layout(margin_r=40)
    return figure


def _drawn(name: str, figure: go.Figure) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, include_mathjax=False, div_id=name, config=dict(CONFIG))


@cache
def _plotly_js() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("workbench"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("evaluation.html")
