"""What did a model answer about one picture: in a sentence, as a figure over prompts, word for word?"""

from __future__ import annotations

import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.models.attaching.browsing import ModelRun
from affect_workbench.workbench.models.attaching.figures import answer_figure
from affect_workbench.workbench.models.attaching.sentences import answer_sentence, counted


def show_answers(run: ModelRun, image_id: str, *, label: str | None, key: str) -> None:
    """Shows what was answered about a picture.

    Args:
        run: the run.
        image_id: the picture.
        label: its label, where it is known.
        key: tells these elements from others on the page.
    """
    answers, shares = run.answers_of(image_id), run.shares_of(image_id)
    st.markdown(f"**{markdown_text(answer_sentence(run, image_id))}**")
    if len(shares):
        what = "probability" if run.scored else "share of texts"
        st.plotly_chart(answer_figure(shares, what=what, label=label), theme=None, key=f"answers of {key}", config=CONFIG)
    st.caption(markdown_text(f"{counted(answers)}."))
    with st.expander("Every answer"):
        shown = answers[["prompt", "run", "kind", "answer", "text"]].assign(asked=answers["prompt"].map(run.prompts))
        st.dataframe(shown, hide_index=True, key=f"table of {key}")
