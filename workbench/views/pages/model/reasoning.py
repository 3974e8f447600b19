"""Why does a picture convey the emotion that a probe finds in it? A multimodal LLM says so, in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from affect_workbench.data.instruct.conditioning import GIVEN, NONE, PREDICTED, WRONG
from affect_workbench.data.instruct.plan import WHICH_AND_WHY, WHY
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.models.mmllm.browsing import labels_of, models_under, probes_under
from affect_workbench.workbench.models.mmllm.events import Talk
from affect_workbench.workbench.models.mmllm.figures import emotions_figure
from affect_workbench.workbench.views.components.model.reasoning_child import PICTURE_TYPES, Asking, Request
from affect_workbench.workbench.views.folders import runs_root, short_name

_ANOTHER, _NO_PROBE = "another …", "none"
_DTYPES = ("auto", "float32", "bfloat16", "float16")
_MODES = {
    PREDICTED: "predicted: the label that the probe finds",
    GIVEN: "given: a label that you choose",
    NONE: "none: no label at all",
    WRONG: "wrong: the label that the probe holds for the least likely",
}
_ASKING, _ANSWERED, _FAILURE = "reasoning_asking", "reasoning_answered", "reasoning_failure"
_EVERY = 0.5


@dataclass(frozen=True)
class _Answered:
    """What came of a question, kept by the session."""

    request: Request
    talk: Talk
    picture: bytes | None
    notes: Sequence[str]


def render() -> None:
    """Model and probe, the picture, what the question says of its emotion; then the answer as it is written."""
    st.title("Reasoning")
    st.markdown(
        "A probe finds the emotion of a picture, and a multimodal language model says what in the picture conveys it. "
        "The modes change nothing but the label in the question: does the model look at the picture, or at the label?"
    )
    root = runs_root()
    left, right = st.columns(2)
    with left:
        model = _chosen("Model", models_under(root), root, otherwise="folder, or hub name MODEL@revision")
        dtype = st.selectbox("Precision", _DTYPES, help="auto: as the model was saved")
    with right:
        probe = _chosen("Probe", probes_under(root), root, otherwise="folder", none=_NO_PROBE)
        labels = _labels(probe)
    picture = _picture(left)
    with right:
        mode = st.selectbox(
            "Mode", list(_MODES) if probe else [NONE, GIVEN], format_func=_MODES.__getitem__, key="reasoning-mode"
        )
        label = _label(mode, labels)
        certainty = mode != PREDICTED or st.checkbox("The question says how sure the probe is", value=True)
        usual = WHICH_AND_WHY if mode == NONE else WHY
        question = st.text_area("Your own question", placeholder=usual, height=100)
    if _ASKING in st.session_state:
        st.fragment(_watch, run_every=_EVERY)()
        return
    request = Request(model, probe, mode, label, question.strip(), dtype, certainty)
    ready = bool(model and picture is not None and (mode != GIVEN or label))
    st.button("Ask", type="primary", disabled=not ready, on_click=_ask, args=(request, picture))
    if not ready:
        st.caption("Choose a model, a picture, and in mode given a label first.")
    if failure := st.session_state.get(_FAILURE):
        st.error(markdown_text(failure))
    answered: list[_Answered] = st.session_state.get(_ANSWERED, [])
    if answered:
        last = answered[-1]
        _show(last.talk, last.picture, notes=last.notes)
        _earlier(answered)


def _chosen(name: str, found: Sequence[Path], root: Path, *, otherwise: str, none: str = "") -> str:
    """One of the folders that were found, or what is written; empty for nothing."""
    names = {short_name(path, root): str(path) for path in found}
    choices = [*names, *([none] if none else []), _ANOTHER]
    chosen = st.selectbox(name, choices, help=f"found under {root}, the newest first")
    if chosen == _ANOTHER:
        return st.text_input(f"{name}: {otherwise}").strip()
    return names.get(chosen, "")


def _labels(probe: str) -> tuple[str, ...]:
    """The labels of the probe; where it cannot be opened the page says so."""
    try:
        return labels_of(Path(probe)) if probe else ()
    except (ValueError, OSError) as error:
        st.error(markdown_text(str(error)))
        return ()


def _picture(left: st.delta_generator.DeltaGenerator) -> tuple[str, bytes] | None:
    """Name and bytes of the picture that was uploaded, or of the file that was named."""
    given = left.file_uploader("Picture", type=PICTURE_TYPES)
    named = left.text_input("… or a picture file on this machine").strip()
    if given is not None:
        return given.name, given.getvalue()
    if not named:
        return None
    try:
        return named, Path(named).expanduser().read_bytes()
    except OSError as error:
        left.error(markdown_text(f"{named}: {error.strerror}"))
        return None


def _label(mode: str, labels: Sequence[str]) -> str:
    """The right label, for the modes that take one."""
    if mode == GIVEN:
        return st.selectbox("Label", labels) if labels else st.text_input("Label").strip()
    if mode == WRONG:
        return st.selectbox("Right label", labels, index=None, placeholder="the one that the probe finds") or ""
    return ""


def _ask(request: Request, picture: tuple[str, bytes]) -> None:
    st.session_state.pop(_FAILURE, None)
    st.session_state[_ASKING] = Asking.start(request, *picture)


def _watch() -> None:
    """Looks at the process twice a second; when it has ended, its answer is kept and the page drawn again."""
    asking: Asking = st.session_state[_ASKING]
    running, talk = asking.child.running, asking.talk  # in this order: what is read after the end is whole
    if running:
        if st.button("Stop", key="reasoning-stop"):
            asking.child.stop()
            _finish(asking, "stopped")
        if talk is None:
            lines = asking.child.lines
            st.caption(markdown_text(lines[-1] if lines else f"Starting {asking.request.model} …"))
        else:
            _show(talk, asking.picture, notes=asking.notes)
        return
    failure = asking.child.failure
    if not failure and talk is not None:
        answered = _Answered(asking.request, talk, asking.picture, asking.notes)
        st.session_state.setdefault(_ANSWERED, []).append(answered)
    _finish(asking, failure)


def _finish(asking: Asking, failure: str) -> None:
    asking.forget()
    del st.session_state[_ASKING]
    if failure:
        st.session_state[_FAILURE] = failure
    st.rerun()


def _show(talk: Talk, picture: bytes | None, *, notes: Sequence[str]) -> None:
    """The picture with the probe's emotions, beside the reasoning as far as it is written."""
    first, second = st.columns([2, 3])
    with first:
        if picture is not None:
            st.image(picture, width=260)
        if talk.emotions:
            figure = emotions_figure(talk.emotions, asked=talk.label)
            st.plotly_chart(figure, theme=None, key="reasoning-emotions", config=CONFIG)
    with second:
        st.subheader("What the model says")
        st.markdown(markdown_text(talk.text) if talk.text else "…")
        st.caption(markdown_text(talk.why))
        for note in notes:
            st.caption(markdown_text(f"Note: {note}"))
        with st.expander("The exact prompt"):
            st.code(talk.prompt, language=None, wrap_lines=True)


def _earlier(answered: Sequence[_Answered]) -> None:
    """Everything that was asked in this session, the newest first, so that modes can be compared."""
    if len(answered) < 2:
        return
    with st.expander("Asked in this session", expanded=True):
        rows = [
            {
                "mode": one.request.mode,
                "label in the question": one.talk.label,
                "answer": one.talk.text,
                "question": one.request.question,
                "model": one.request.model,
            }
            for one in reversed(answered)
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="reasoning-earlier")


render()
