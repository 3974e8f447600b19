"""How does one HTML file show what a probe and everything beside it do on several datasets?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import plotly.graph_objects as go

from workbench.accuracy_figure import accuracy_figure
from workbench.calibration_figures import coverage_figure, reliability_figure
from workbench.evaluation_table import LEGEND, DatasetTable
from workbench.figures import CONFIG
from workbench.reading_sentences import coverage_note, gap_sentence


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
            "accuracy": _drawn(f"accuracy-{number}", accuracy_figure(item.table)),
            "gap": gap_sentence(item.confidence),
            "note": coverage_note(item.confidence),
            "reliability": _drawn(
                f"reliability-{number}", reliability_figure({item.confidence.model: item.confidence.reliability})
            ),
            "coverage": _drawn(
                f"coverage-{number}",
                coverage_figure({item.confidence.model: item.confidence.coverage}, threshold=item.confidence.threshold),
            ),
        }
        for number, item in enumerate(tables)
    ]
    page = _template().render(title=title, blocks=blocks, legend=LEGEND, plotly_js=_plotly_js())
    return str(page).rstrip() + "\n"


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
