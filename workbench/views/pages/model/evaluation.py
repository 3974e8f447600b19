"""How does a probe do on each dataset, beside what else could do it? The outcome, the figures, then the tables."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.models.evaluation.store import load_evaluation
from affect_workbench.workbench.models.evaluation.table import LEGEND, DatasetTable
from affect_workbench.workbench.report.figures.accuracy import accuracy_figure
from affect_workbench.workbench.report.figures.calibration import coverage_figure, reliability_figure
from affect_workbench.workbench.report.sections.reliability import coverage_note, gap_sentence
from affect_workbench.workbench.views.components.folder_choice import load_folder
from affect_workbench.workbench.views.settings import EVALUATION


def render() -> None:
    """One dataset after the other, the legend last."""
    st.title("Evaluation")
    tables = load_folder(
        EVALUATION,
        label="Evaluation of a probe",
        load=load_evaluation,
        command="workbench evaluate --probe PROBE --datasets FEATURES -o {}/evaluation",
    )
    if tables is None:
        return
    for at, item in enumerate(tables):
        _dataset(item, key=str(at))
    with st.expander("Definitions of the columns"):
        st.markdown("\n".join(f"- {markdown_text(line)}" for line in LEGEND))


def _dataset(item: DatasetTable, *, key: str) -> None:
    st.header(markdown_text(item.title))
    st.markdown(f"**{markdown_text(item.headline)}**")
    leaks = [note for note in item.footnotes if note.startswith("leakage")]
    for note in leaks:
        st.warning(markdown_text(note))
    st.plotly_chart(accuracy_figure(item.table), theme=None, key=f"accuracy {key}", config=CONFIG)
    st.subheader("Is its confidence calibrated?")
    confidence = item.confidence
    st.markdown(markdown_text(" ".join((gap_sentence(confidence), *item.sentences))))
    figures = {
        "reliability": reliability_figure({confidence.model: confidence.reliability}),
        "coverage": coverage_figure({confidence.model: confidence.coverage}, threshold=confidence.threshold),
    }
    for column, (name, figure) in zip(st.columns(2), figures.items(), strict=True):
        column.plotly_chart(figure, theme=None, key=f"{name} {key}", config=CONFIG)
    st.caption(markdown_text(coverage_note(confidence)))
    st.markdown("**All models on the same pictures, except those reported**")
    _table(item.cells(), key=f"models {key}")
    for note in item.footnotes:
        if note not in leaks:
            st.caption(markdown_text(note))
    st.markdown("**Recall per label**")
    _table(item.recalls(), key=f"recalls {key}")


def _table(cells: list[list[str]], *, key: str) -> None:
    head, *rows = cells
    st.dataframe(pd.DataFrame(rows, columns=head), hide_index=True, key=key)


render()
