"""What may be said of attributes that nobody labelled, and what do true labels make of them?"""

from __future__ import annotations

import streamlit as st

from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.concepts.figures import concept_figures
from affect_workbench.workbench.concepts.tables import CALIBRATED, SCORES
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.views.state import current_audit


def render() -> None:
    """Calibrated skews, overlap with the emotion words, random directions, and where each concept comes from."""
    result = current_audit()
    st.title("Concepts")
    if result.table(SCORES) is None:
        st.info("This audit has no inferred attributes. `workbench audit … --concepts 'prompt | opposite'` makes some.")
        return
    table = result.table(CALIBRATED)
    if table is None:
        st.warning(
            "No concept is calibrated yet: every skew over them is an association. Draw pictures with `workbench "
            "label RUN`, answer on the page *Label*, and audit again with `--concept-labels labels.csv`."
        )
    for one in concept_figures(result):
        st.subheader(one.title)
        st.markdown(markdown_text(one.words))
        st.plotly_chart(one.figure, theme=None, key=one.name, config=CONFIG)
    if table is not None:
        shares = ["naive", "naive_low", "naive_high", "effect", "low", "high"]
        st.dataframe(
            table.assign(**{name: 100 * table[name] for name in shares})[
                ["concept", "emotion", "labelled", "yes", *shares, "verdict", "naive_verdict", "reason"]
            ].rename(columns=column_words),
            hide_index=True,
            key="calibrated-table",
            column_config={column_words(name): st.column_config.NumberColumn(format="%.1f") for name in shares},
        )
    st.subheader("Where each comes from")
    for sentence in result.run.provenance.get("concept_sentences", ()):
        st.markdown(f"- {markdown_text(sentence)}")


render()
