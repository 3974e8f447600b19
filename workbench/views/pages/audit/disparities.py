"""What was asked beyond the cells? One question at a time: in words, its figure, its table, the pictures behind a row."""

from __future__ import annotations

import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.sections import Chapter, chapters
from affect_workbench.workbench.views.components.gallery import show_pictures
from affect_workbench.workbench.views.components.numbers import show_measured
from affect_workbench.workbench.views.state import opened_audit


def render() -> None:
    """A list of questions, then the chosen one."""
    result = opened_audit()
    st.title("Additional analyses")
    found = {chapter.title: chapter for chapter in chapters(result)}
    if not found:
        st.info("This run has no additional analyses: audit again without --no-additional-analyses.")
        return
    title = st.radio("Question", list(found))
    chapter = found[title]
    st.subheader(markdown_text(chapter.title))
    for number, sentence in enumerate(chapter.found):
        st.markdown(("- " if number else "") + markdown_text(sentence))
    if chapter.figure is not None:
        st.plotly_chart(chapter.figure, theme=None, key=f"figure of {chapter.name}", config=CONFIG)
    st.caption(markdown_text(chapter.reading))
    _table(chapter)


def _table(chapter: Chapter) -> None:
    if chapter.table.empty:
        return
    leads = any(where is not None for where in chapter.where)
    st.caption(
        f"{len(chapter.table):,} of {chapter.total:,} rows; all are in tables/{chapter.source}.parquet of the run folder."
        + (" Choose a row to see the pictures behind it." if leads else "")
    )
    if not leads:
        st.dataframe(chapter.table, hide_index=True, key=f"table of {chapter.name}")
        return
    event = st.dataframe(
        chapter.table, hide_index=True, key=f"table of {chapter.name}", on_select="rerun", selection_mode="single-row"
    )
    picked = event.selection.rows
    if picked and picked[0] < len(chapter.where):
        where = chapter.where[picked[0]]
        if where is not None and not opened_audit().has_predictions:
            show_measured(opened_audit(), where)
        elif where is not None:
            show_pictures(sentences.samples_in(opened_audit(), where), key="behind")


render()
