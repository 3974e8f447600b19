"""What was asked beyond the cells? One question at a time: in words, its figure, its table, the pictures behind a row."""

from __future__ import annotations

import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.sections import Section, report_sections
from affect_workbench.workbench.views.components.gallery import show_pictures
from affect_workbench.workbench.views.components.numbers import show_measured
from affect_workbench.workbench.views.state import current_audit


def render() -> None:
    """A list of questions, then the chosen one."""
    result = current_audit()
    st.title("Additional analyses")
    found = {section.title: section for section in report_sections(result)}
    if not found:
        st.info("This run has no additional analyses: audit again without --no-additional-analyses.")
        return
    title = st.radio("Question", list(found))
    section = found[title]
    st.subheader(markdown_text(section.title))
    for number, sentence in enumerate(section.found):
        st.markdown(("- " if number else "") + markdown_text(sentence))
    if section.figure is not None:
        st.plotly_chart(section.figure, theme=None, key=f"figure of {section.name}", config=CONFIG)
    st.caption(markdown_text(section.explanation))
    _table(section)


def _table(section: Section) -> None:
    if section.table.empty:
        return
    leads = any(where is not None for where in section.where)
    st.caption(
        f"{len(section.table):,} of {section.total:,} rows; all are in tables/{section.source}.parquet of the run folder."
        + (" Choose a row to see the pictures behind it." if leads else "")
    )
    if not leads:
        st.dataframe(section.table, hide_index=True, key=f"table of {section.name}")
        return
    event = st.dataframe(
        section.table, hide_index=True, key=f"table of {section.name}", on_select="rerun", selection_mode="single-row"
    )
    picked = event.selection.rows
    if picked and picked[0] < len(section.where):
        where = section.where[picked[0]]
        if where is not None and not current_audit().has_predictions:
            show_measured(current_audit(), where)
        elif where is not None:
            show_pictures(sentences.samples_in(current_audit(), where), key="behind")


render()
