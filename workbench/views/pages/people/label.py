"""Which pictures truly have a concept? One picture at a time, one key an answer, saved at once.

An answer is taken only about the picture that is on the screen (`workbench.views.components.label_screen`); any other is
refused and said so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from affect_workbench.analyses.concepts.agreement import agreement
from affect_workbench.analyses.concepts.calibrated_skew import ENOUGH_LABELS
from affect_workbench.data.concepts.annotations import NO, UNSURE, YES
from affect_workbench.data.plurals import plural
from affect_workbench.workbench.concepts.queue import (
    LABELS_FILE,
    Queue,
    agreement_sentence,
    answered,
    next_open,
    open_queue,
    save_answer,
)
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.views.components.folder_choice import choose_folder
from affect_workbench.workbench.views.components.label_screen import Screen, Shown, picture_source, show
from affect_workbench.workbench.views.folders import labels_root
from affect_workbench.workbench.views.settings import LABELS

_KEYS = {"y": YES, "n": NO, "u": UNSURE}
_BACK = "back"
_NAME = "reviewer_name"
_NAME_FIELD = "label_name"
_AT = "label_at"
_TURN = "label_turn"
_SCREEN = "label_screen"
_SHOWN = "label_shown"
_REFUSED = "label_refused"
_LATE = "Not saved: that answer was about a picture that is no longer asked about. Answer the one on the screen."


def render() -> None:
    """Type a name, answer; then how far everybody is, and whether they agree."""
    st.title("Label")
    folder = choose_folder(LABELS, label="Label folder")
    if folder is None:
        st.info(
            f"There is nothing to label under `{labels_root()}`. Draw pictures with `workbench label RUN --concept NAME`, "
            "or start with `workbench app FOLDER`."
        )
        return
    st.session_state.setdefault(_NAME_FIELD, st.session_state.get(_NAME, ""))
    name = (
        st.columns([1, 2])[0]
        .container(key="label-name")
        .text_input("Your name", key=_NAME_FIELD, help="stands beside your answers; this browser remembers it")
    )
    if refused := st.session_state.pop(_REFUSED, ""):
        st.warning(markdown_text(refused))
    try:
        queue = open_queue(folder)
        _ask(queue, " ".join(name.split()))
        _overview(queue)
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"This label folder cannot be used: {error}"))


def _ask(queue: Queue, name: str) -> None:
    """The picture whose turn it is, with the keys to answer."""
    above, (picture, keys) = st.container(), st.columns([3, 1])
    shown, done = None, {}
    turn = st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
    if not name:
        above.info(
            "Type your name first: it stands beside your answers, so that several people can label the same pictures."
        )
    else:
        st.session_state[_NAME] = name
        done = answered(queue, name)
        above.progress(len(done) / len(queue.pictures), f"{len(done):,} of {len(queue.pictures):,} pictures labelled by you")
        shown = _turn_of(queue, name, done, turn)
    source = "" if shown is None else picture_source(_path(queue, shown.position))
    st.session_state[_SHOWN] = shown = shown and replace(shown, visible=bool(source))
    possible = _possible(shown)
    with picture:
        answers = {key: answer for key, answer in (*_KEYS.items(), ("b", _BACK)) if answer in possible}
        screen = Screen(turn, "" if shown is None else shown.image_id, source, name, answers)
        show(screen, key=_SCREEN, on_answered=_key_pressed, on_remembered=_remembered)
    if shown is not None:
        above.subheader(queue.question)
        if not shown.visible:
            picture.warning(
                markdown_text(
                    f"The file {_path(queue, shown.position)} is not there or is no picture, so that it can only be "
                    "answered unsure: start the app where the paths lead."
                )
            )
        _buttons(shown, done, possible, keys.container(key="label-answers"))
        keys.caption(
            f"Picture {shown.position + 1:,} of {len(queue.pictures):,}"
            + (f", so far: {done[shown.position]}" if shown.position in done else "")
        )
        keys.caption("Keys: Y, N, U, and B for back; one counts as soon as the picture is on the screen.")
        keys.caption("Judge the picture alone. The model's prediction is not shown, so that it cannot influence you.")
    elif name:
        above.success("You have answered all of them. Thank you.")
        if above.button("Back", shortcut="B", help="look at the last answer again"):
            st.session_state[_asked(queue.folder, name)] = len(queue.pictures) - 1
            st.rerun()


def _turn_of(queue: Queue, name: str, done: dict[int, str], turn: int) -> Shown | None:
    """The picture that this person is asked about now; None where all are answered."""
    at = st.session_state.get(_asked(queue.folder, name))
    at = next_open(queue, done) if at is None else at
    if at is None:
        return None
    return Shown(turn, queue.folder, name, at, str(queue.pictures["image_id"].iloc[at]), visible=False)


def _buttons(
    shown: Shown, done: dict[int, str], possible: tuple[str, ...], place: st.delta_generator.DeltaGenerator
) -> None:
    """One button an answer; each belongs to the picture beside it, so that a late click is about no other."""
    for answer in (*_KEYS.values(), _BACK):
        place.button(
            answer,
            key=f"label {shown.annotator} {shown.image_id} {answer}",
            width="stretch",
            on_click=_take,
            type="primary" if done.get(shown.position) == answer else "secondary",
            disabled=answer not in possible,
            args=(shown.turn, shown.image_id, answer),
        )


def _possible(shown: Shown | None) -> tuple[str, ...]:
    """What can be answered: nothing but unsure about a picture that cannot be seen, and back from all but the first."""
    if shown is None:
        return ()
    answers = tuple(_KEYS.values()) if shown.visible else (UNSURE,)
    return (*answers, _BACK) if shown.position else answers


def _key_pressed() -> None:
    """Before the page runs again: what the screen sent."""
    sent = st.session_state[_SCREEN]["answered"]
    _take(sent["turn"], sent["id"], sent["answer"])


def _remembered() -> None:
    """Before the page runs again: the name that this browser knows, unless one has been typed."""
    if not st.session_state.get(_NAME_FIELD):
        st.session_state[_NAME_FIELD] = str(st.session_state[_SCREEN]["remembered"])


def _take(turn: int, image_id: str, answer: str) -> None:
    """Saves an answer about the picture that is shown, and goes on to the next; any other answer is refused."""
    shown: Shown | None = st.session_state.get(_SHOWN)
    if shown is None or (turn, image_id) != (shown.turn, shown.image_id) or answer not in _possible(shown):
        st.session_state[_REFUSED] = _LATE
        return
    st.session_state[_SHOWN] = None  # answered once
    asked = _asked(shown.folder, shown.annotator)
    if answer == _BACK:
        st.session_state[asked] = shown.position - 1
        return
    try:
        queue = open_queue(shown.folder)
        save_answer(queue, shown.position, answer, shown.annotator, shown=shown.image_id)
        # After a correction, on from there; at the end None: all are answered.
        st.session_state[asked] = next_open(queue, answered(queue, shown.annotator), after=shown.position)
    except (ValueError, OSError) as error:
        st.session_state[_REFUSED] = f"Not saved: {error}"


def _asked(folder: Path, name: str) -> str:
    """Where the session keeps which picture this person is asked about."""
    return f"{_AT} {folder} {name}"


def _path(queue: Queue, position: int) -> Path:
    return Path(str(queue.pictures["path"].iloc[position]))


def _overview(queue: Queue) -> None:
    """What everybody answered so far, in sentences and a table."""
    answers = queue.answers
    if answers.empty:
        return
    st.divider()
    sure = answers.loc[answers["answer"] != UNSURE, "image_id"].nunique()
    needed = "enough to calibrate a skew" if sure >= ENOUGH_LABELS else f"{ENOUGH_LABELS - sure:,} more calibrate a skew"
    st.markdown(f"{plural(sure, 'picture has', 'pictures have')} a yes or a no: {needed}; more narrow its interval.")
    counts = pd.crosstab(answers["annotator"], answers["answer"]).reindex(columns=[YES, NO, UNSURE], fill_value=0)
    counts.columns.name = None
    st.dataframe(counts.reset_index(), hide_index=True, key="annotators")
    if len(counts) > 1:
        st.markdown(markdown_text(agreement_sentence(queue) + "."))
        st.dataframe(
            agreement(answers).pairs,
            hide_index=True,
            key="pairs",
            column_config={name: st.column_config.NumberColumn(format="%.2f") for name in ("agree", "kappa")},
        )
    st.caption(
        f"Saved after every answer in `{queue.folder / LABELS_FILE}`; use it with `workbench audit … --concept-labels FILE`."
    )


render()
