"""Which findings are still to be judged? One at a time, with the pictures behind it and what was decided so far."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd
import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.evidence.choice import evidence
from affect_workbench.workbench.report.first_page.headline import caveats, differing_strata
from affect_workbench.workbench.runs.reviews import ReviewedFinding, progress_sentence, worklist
from affect_workbench.workbench.views.components.gallery import show_evidence
from affect_workbench.workbench.views.components.review_form import current_reviews, review_form
from affect_workbench.workbench.views.state import current_audit, current_folder

_AT = "review_at"


def render() -> None:
    """The list of what asks for a decision, the form for one finding, its pictures, and all decisions in a table."""
    result, folder = current_audit(), current_folder()
    decided = current_reviews(result, folder)
    st.title("Review")
    st.markdown(markdown_text(progress_sentence(result, decided)))
    st.caption(
        "A decision is a person’s judgement. It changes no number and no verdict, and dismissed findings stay visible."
    )
    asked = worklist(result)
    if asked:
        done = {one.position for one in decided}
        only_open = st.checkbox("Only those that nobody has decided about", value=True)
        _one(result, [at for at in asked if not (only_open and at in done)], decided)
    else:
        st.info("Nothing is called skewed, so no decision is needed; the page *Slices* takes one about any finding.")
    if decided:
        st.header("Decisions")
        st.dataframe(_table(decided), hide_index=True, key="decisions")
        st.caption("In the report: `workbench report RUN`; in the terminal: `workbench review RUN`.")


def _one(result: AuditResult, asked: list[int], decided: list[ReviewedFinding]) -> None:
    """One finding of the list, with buttons to go on and back."""
    if not asked:
        st.success("Every skew that stands on its own has a decision.")
        return
    # What was looked at last may have left the list by being decided: then the next one takes its place.
    start = st.session_state.get(_AT, asked[0])
    at = next((number for number, position in enumerate(asked) if position >= start), len(asked) - 1)
    left, right, middle = st.columns([1, 1, 6], vertical_alignment="center")
    if left.button("Back", shortcut="B", disabled=at == 0, width="stretch"):
        at -= 1
    if right.button("Next", shortcut="N", disabled=at == len(asked) - 1, width="stretch"):
        at += 1
    st.session_state[_AT] = asked[at]
    middle.caption(f"{at + 1:,} of {len(asked):,}")
    row = result.findings.iloc[asked[at]]
    st.markdown(
        sentences.markdown_sentence(
            row, truth=result.run.truth, caveats=caveats(result, row, strata=differing_strata(result))
        )
    )
    review_form(result, asked[at], decided, current_folder())
    show_evidence(evidence(result, result.finding(asked[at])), key="behind")


def _table(decided: list[ReviewedFinding]) -> pd.DataFrame:
    names = ("slice", "emotion", "decision", "reviewer", "reason", "note", "time")
    table = pd.DataFrame([asdict(one.review) for one in decided])[list(names)]
    return table.assign(time=table["time"].str[:16].str.replace("T", " "), remark=[one.earlier for one in decided])


render()
