"""How does a reader say what a finding is worth? One form, shown wherever a finding is."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.runs.reviews import (
    DECISIONS,
    WITHDRAWN,
    ReviewedFinding,
    load_reviews,
    match_reviews,
    review_of,
    save_review,
)

_NAME = "reviewer_name"
_SAVED = "review_saved"
_MEANING = {
    "confirmed": "it is real and matters",
    "dismissed": "it does not count; say why",
    "follow-up": "kept until somebody knows more",
    WITHDRAWN: "open again",
}


def current_reviews(result: AuditResult, folder: Path) -> list[ReviewedFinding]:
    """The decisions that count now, read anew on every run of the page; unreadable ones stop the page with one line."""
    if message := st.session_state.pop(_SAVED, ""):
        st.toast(message)
    try:
        return match_reviews(result, load_reviews(folder))
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"The reviews of this run cannot be read: {error}"))
        st.stop()


def review_form(
    result: AuditResult, position: int, decided: list[ReviewedFinding], folder: Path, *, place: str = ""
) -> None:
    """What was decided about row `position` of the findings, and a form to decide (again); saved in the run folder.

    A page that can show the form of one finding twice gives each a `place` of its own.
    """
    now = next((one for one in decided if one.position == position), None)
    options = (*DECISIONS, WITHDRAWN) if now else DECISIONS
    given = st.session_state.get(_NAME, "")
    row = result.finding(position)
    with st.form(f"review of {row.slice} as {row.emotion} in {folder}{place}"):
        st.markdown("**Your decision**" + (f" So far: {markdown_text(now.mark)}" if now else ""))
        decision = st.radio(
            "Decision",
            options,
            horizontal=True,
            index=options.index(now.review.decision) if now else None,
            captions=[_MEANING[option] for option in options],
        )
        left, middle, right = st.columns([1, 2, 2])
        name = left.text_input("Your name", value=given)
        reason = middle.text_input("Reason, needed to dismiss", value=now.review.reason if now else "")
        note = right.text_input("Note", value=now.review.note if now else "")
        if st.form_submit_button(
            "Save", type="primary", shortcut="Ctrl+Enter", help="saved in the run folder, for everyone"
        ):
            _save(result, position, folder, decision=decision, reviewer=name, reason=reason, note=note)


def _save(
    result: AuditResult, position: int, folder: Path, *, decision: str | None, reviewer: str, reason: str, note: str
) -> None:
    if decision is None:
        st.error("Choose a decision first: confirmed, dismissed or follow-up.")
        return
    try:
        review = review_of(result, position, decision=decision, reviewer=reviewer, reason=reason, note=note)
        save_review(review, folder)
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"Not saved: {error}"))
        return
    st.session_state[_NAME] = review.reviewer
    st.session_state[_SAVED] = markdown_text(f"Saved: {review.slice} → {review.emotion} {review.words}")
    st.rerun()
