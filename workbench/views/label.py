"""Which pictures truly have a concept? One picture at a time, one key an answer, saved at once."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import streamlit as st

from analyses.agreement import agreement
from analyses.gold_labels import ENOUGH_LABELS
from data.gold import NO, UNSURE, YES
from workbench.label_folder import (
    LABELS_FILE,
    Queue,
    agreement_sentence,
    answered,
    next_open,
    open_queue,
    queues_under,
    save_answer,
)
from workbench.sentences import markdown_text

LABELS_VARIABLE = "WORKBENCH_LABELS"
_KEYS = ((YES, "Y"), (NO, "N"), (UNSURE, "U"))
_NAME = "reviewer_name"
_AT = "label_at"


def render() -> None:
    """Choose a label folder, type a name, answer; then how far everybody is, and whether they agree."""
    st.title("Label")
    root = os.environ.get(LABELS_VARIABLE, "labels")
    folders = queues_under(root)
    if not folders:
        st.info(
            f"There is nothing to label under `{root}`. Draw pictures with `workbench label RUN --concept NAME`, or start "
            "with `workbench app RUN --labels FOLDER`."
        )
        return
    left, right = st.columns([2, 1])
    folder = left.selectbox("Label folder", folders, format_func=lambda path: path.name)
    name = right.text_input("Your name", value=st.session_state.get(_NAME, ""), help="stands beside your answers")
    try:
        queue = open_queue(folder)
        _ask(queue, " ".join(name.split()))
        _overview(queue)
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"This label folder cannot be used: {error}"))


def _ask(queue: Queue, name: str) -> None:
    """The picture whose turn it is, with the keys to answer."""
    if not name:
        st.info("Type your name first: it stands beside your answers, so that several people can label the same pictures.")
        return
    st.session_state[_NAME] = name
    done = answered(queue, name)
    st.progress(len(done) / len(queue.pictures), f"{len(done):,} of {len(queue.pictures):,} pictures answered by you")
    asked = f"{_AT} {queue.folder} {name}"
    at = st.session_state.get(asked)
    at = next_open(queue, done) if at is None else at
    if at is None:
        st.success("You have answered all of them. Thank you.")
        if st.button("Back", shortcut="B", help="look at the last answer again"):
            st.session_state[asked] = len(queue.pictures) - 1
            st.rerun()
        return
    st.subheader(queue.question)
    picture, keys = st.columns([3, 1])
    _show(Path(str(queue.pictures["path"].iloc[at])), picture)
    for answer, key in _KEYS:
        chosen = done.get(at) == answer
        if keys.button(answer, shortcut=key, width="stretch", type="primary" if chosen else "secondary"):
            save_answer(queue, at, answer, name)
            # After a correction, on from there; at the end None: all are answered.
            left = next_open(queue, done | {at: answer}, after=at)
            st.session_state[asked] = left
            st.rerun()
    if keys.button("back", shortcut="B", width="stretch", disabled=at == 0):
        st.session_state[asked] = at - 1
        st.rerun()
    keys.caption(f"Picture {at + 1:,} of {len(queue.pictures):,}" + (f", so far: {done[at]}" if at in done else ""))
    keys.caption("Judge the picture alone. What the model said of it is not shown, so that it cannot sway you.")


def _show(path: Path, place: st.delta_generator.DeltaGenerator) -> None:
    if path.is_file():
        place.image(str(path), width=560)
    else:
        place.warning(markdown_text(f"The file {path} is not there: answer unsure, or start the app where the paths lead."))


def _overview(queue: Queue) -> None:
    """What everybody answered so far, in sentences and a table."""
    answers = queue.answers
    if answers.empty:
        return
    st.divider()
    sure = answers.loc[answers["answer"] != UNSURE, "image_id"].nunique()
    needed = "enough to calibrate a skew" if sure >= ENOUGH_LABELS else f"{ENOUGH_LABELS - sure:,} more calibrate a skew"
    st.markdown(f"{sure:,} pictures have a yes or a no: {needed}; more make it surer.")
    counts = pd.crosstab(answers["annotator"], answers["answer"]).reindex(columns=[YES, NO, UNSURE], fill_value=0)
    counts.columns.name = None
    st.dataframe(counts.reset_index(), hide_index=True, key="annotators")
    if len(counts) > 1:
        st.markdown(markdown_text(agreement_sentence(queue) + "."))
        st.dataframe(
            agreement(answers).pairs, hide_index=True, key="pairs",
            column_config={name: st.column_config.NumberColumn(format="%.2f") for name in ("agree", "kappa")},
        )  # fmt: skip
    st.caption(f"Saved after every answer in `{queue.folder / LABELS_FILE}`; read it with `workbench audit … --gold FILE`.")


render()
