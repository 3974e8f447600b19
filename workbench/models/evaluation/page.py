"""How does one HTML file show what a probe and everything beside it do on several datasets?"""

from __future__ import annotations

from collections.abc import Sequence

from affect_workbench.workbench.interface.page import figure_html, template
from affect_workbench.workbench.models.evaluation.table import LEGEND, DatasetTable
from affect_workbench.workbench.report.figures.accuracy import accuracy_figure
from affect_workbench.workbench.report.figures.calibration import coverage_figure, reliability_figure
from affect_workbench.workbench.report.sections.reliability import coverage_note, gap_sentence


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
            "accuracy": figure_html(f"accuracy-{number}", accuracy_figure(item.table)),
            "gap": gap_sentence(item.confidence),
            "note": coverage_note(item.confidence),
            "reliability": figure_html(
                f"reliability-{number}", reliability_figure({item.confidence.model: item.confidence.reliability})
            ),
            "coverage": figure_html(
                f"coverage-{number}",
                coverage_figure({item.confidence.model: item.confidence.coverage}, threshold=item.confidence.threshold),
            ),
        }
        for number, item in enumerate(tables)
    ]
    return template("evaluation.html").render(title=title, blocks=blocks, legend=LEGEND)
