"""What did the audit find, in words first?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.comparisons import compared_with
from affect_workbench.workbench.report.evidence.choice import evidence
from affect_workbench.workbench.report.figures import findings as figures
from affect_workbench.workbench.report.first_page.headline import caveats, differing_strata
from affect_workbench.workbench.runs.reviews import marks, progress_sentence
from affect_workbench.workbench.views.components.gallery import show_evidence
from affect_workbench.workbench.views.components.numbers import show_headline
from affect_workbench.workbench.views.components.review_form import current_reviews, review_form
from affect_workbench.workbench.views.state import current_audit, current_folder

_MOST_SENTENCES = 12


def render() -> None:
    """Headline, verdict counts, leading findings with the pictures behind them, forest and split."""
    result = current_audit()
    decided = current_reviews(result, current_folder())
    review_marks, strata = marks(decided), differing_strata(result)
    show_headline(result)

    st.header("Findings")
    findings = result.findings
    own = findings[(findings["verdict"] == "skewed") & on_its_own(findings)]
    if own.empty:
        st.markdown("Nothing is called skewed. The strongest differences are drawn below.")
    for number, row in enumerate(own.head(_MOST_SENTENCES).itertuples()):
        sentence = sentences.markdown_sentence(row, truth=result.run.truth, caveats=caveats(result, row, strata=strata))
        st.markdown(f"{number + 1}. {sentence}{_mark(review_marks, row.Index)}")
    if decided:
        st.caption(f"{markdown_text(progress_sentence(result, decided))} The page *Review* has them one by one.")
    if len(own) > _MOST_SENTENCES:
        st.caption(f"{_MOST_SENTENCES} of {len(own):,} are shown here; the page *Slices* has them all.")
    if len(own):
        choices = list(own.head(_MOST_SENTENCES).index)
        picked = st.selectbox(
            "Pictures behind finding",
            choices,
            index=None,
            placeholder="choose a finding",
            format_func=lambda index: f"{choices.index(index) + 1}. {own.loc[index, 'slice']} → {own.loc[index, 'emotion']}",
        )
        if picked is not None:
            review_form(result, int(picked), decided, current_folder())
            show_evidence(evidence(result, result.finding(int(picked))), key="behind")

    tolerance = 100 * result.run.config.tolerance
    st.subheader("Size and uncertainty")
    st.caption(
        f"Difference from {compared_with(result.findings).complement} with its 95 % interval; green band: the tolerance of "
        f"±{tolerance:g} points."
    )
    st.plotly_chart(figures.forest(result), theme=None, key="forest", config=CONFIG)
    split = figures.split(result)
    if split is not None:
        st.subheader("Label gap or model gap?")
        st.caption(
            f"Orange, the label gap: how much the true {result.run.truth} differ. Blue, the model gap: how much the "
            "predictions differ beyond that."
        )
        st.plotly_chart(split, theme=None, key="split", config=CONFIG)


def _mark(review_marks: dict[int, str], index: Any) -> str:
    """What people decided, behind the sentence; a dismissed finding stays where it is."""
    return f" :blue-background[{markdown_text(review_marks[index])}]" if index in review_marks else ""


render()
