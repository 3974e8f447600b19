"""How do label anchors lie to each other, and what can a projector make of it? Sentences, the heat map, then the tables."""

from __future__ import annotations

import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.models.anchors.figure import heat_figure
from affect_workbench.workbench.models.anchors.page import cosine_table, notes, sentences
from affect_workbench.workbench.models.anchors.store import load_anchors
from affect_workbench.workbench.views.components.folder_choice import load_folder
from affect_workbench.workbench.views.settings import ANCHORS


def render() -> None:
    """How near the nearest are, then all cosines, then label by label."""
    st.title("Label anchors")
    saved = load_folder(
        ANCHORS,
        label="Anchors",
        load=load_anchors,
        command="workbench anchors --anchors sentence:minilm --taxonomy ekman6 -o {}/anchors",
    )
    if saved is None:
        return
    geometry = saved.geometry
    lead, *more = sentences(geometry)
    st.markdown(f"**{markdown_text(lead)}**")
    st.caption(markdown_text(saved.what))
    for note in notes(geometry, saved.note):
        st.warning(markdown_text(note))
    st.plotly_chart(heat_figure(geometry), theme=None, key="cosines", config=CONFIG)
    st.caption("Cosine between the anchors of two labels; the darker, the more similar. + positive, ○ neutral, − negative.")
    for sentence in more:
        st.markdown(markdown_text(sentence))
    st.subheader("How well each label can be separated")
    labels = geometry.labels.iloc[geometry.order].drop(columns="polarity")
    st.dataframe(labels.rename(columns=_LABELS), hide_index=True, key="labels", column_config=_FORMATS)
    st.subheader("Do the cosines follow what the labels mean?")
    st.dataframe(geometry.correlations, hide_index=True, key="correlations", column_config=_CORRELATIONS)
    with st.expander("Every pair of labels"):
        st.dataframe(cosine_table(geometry).sort_values("cosine", ascending=False), hide_index=True, key="pairs")


_LABELS = {
    "cap": "always its own within, degrees",
    "margin": "widest margin of any projector, degrees",
    "gap": "largest margin in cosine",
}
_FORMATS = {
    name: st.column_config.NumberColumn(format=form)
    for name, form in (("cosine", "%.3f"), (_LABELS["cap"], "%.1f"), (_LABELS["margin"], "%.1f"), (_LABELS["gap"], "%.3f"))
}
_CORRELATIONS = {name: st.column_config.NumberColumn(format=form) for name, form in (("r", "%+.2f"), ("p", "%.3f"))}


render()
