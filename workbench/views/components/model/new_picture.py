"""What does the model say of a picture that is not in the run? It is loaded only when asked, in a process of its own."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.thumbnails import thumbnail_bytes
from affect_workbench.workbench.models.attaching.browsing import ModelRun, load_model_run
from affect_workbench.workbench.views.components.model.child import Child
from affect_workbench.workbench.views.components.model.model_answers import show_answers

_TYPES = ("png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff")
_DTYPES = ("auto", "float32", "bfloat16", "float16")
_ID = "new"
_SIZES, _CHILD, _ANSWER, _FAILURE = "new_sizes", "new_child", "new_answer", "new_failure"
_SIDE = 440


def show_new_picture(run: ModelRun) -> None:
    """A picture is given, the size of the model is told, and then it may be loaded and asked."""
    st.header("Ask about a new picture")
    if run.asked.known("endpoint"):
        st.info("The model of this run is behind an address: put the picture into a table and ask it with `workbench ask`.")
        return
    name, revision = run.asked.text("model"), run.asked.values.get("revision")
    model = f"{name}@{revision}" if revision else name
    st.markdown(
        "Nothing above needed the model. Here it is loaded, in a process of its own that ends with the answer: its size "
        "is told first."
    )
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    given = left.file_uploader("Picture", type=_TYPES)
    dtype = right.selectbox("Precision", _DTYPES, help="auto: as the model was saved")
    if _CHILD in st.session_state:
        st.fragment(_watch, run_every=1.0)()
        return
    failed, failure = st.session_state.get(_FAILURE, ("", ""))
    if failed == model:
        st.error(markdown_text(failure))
    size = st.session_state.setdefault(_SIZES, {}).get((model, dtype))
    if size is None:
        st.button("How large is the model?", key="new-size", on_click=_count, args=(model, dtype))
    else:
        st.markdown(markdown_text(f"The model has {size}; pictures in work come on top."))
        if given is None:
            st.caption("Choose a picture first.")
        else:
            st.button(
                "Load the model and ask",
                type="primary",
                key="new-ask",
                on_click=_ask,
                args=(run, model, dtype, given.name, given.getvalue()),
            )
    answered, picture, answer = st.session_state.get(_ANSWER, ("", None, None))
    if answered == model:
        first, second = st.columns([1, 2])
        if picture is not None:
            first.image(picture, width=260)
        with second:
            show_answers(answer, _ID, label=None, key="new")


@dataclass(frozen=True)
class _Work:
    """A command that was started for a model."""

    child: Child
    model: str
    dtype: str
    counts: bool


def _count(model: str, dtype: str) -> None:
    """Starts counting the model's parameters."""
    folder = _folder()
    _begin(_Work(Child.start(["attach", model, "--size", "--dtype", dtype], folder), model, dtype, counts=True))


def _ask(run: ModelRun, model: str, dtype: str, name: str, content: bytes) -> None:
    """Starts asking about a picture."""
    folder, suffix = _folder(), Path(name).suffix.lower()
    picture = folder / f"picture{suffix if suffix.removeprefix('.') in _TYPES else '.png'}"
    picture.write_bytes(content)
    _begin(_Work(Child.start(_question(run, model, dtype, picture), folder), model, dtype, counts=False))


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="affect-workbench-"))


def _begin(work: _Work) -> None:
    for key in (_ANSWER, _FAILURE):
        st.session_state.pop(key, None)
    st.session_state[_CHILD] = work


def _question(run: ModelRun, model: str, dtype: str, picture: Path) -> list[str]:
    """Words of the command that asks about a picture as the run was asked; its files are written beside the picture."""
    folder = picture.parent
    asked = {
        "pictures": str(folder / "pictures.csv"),
        "labels": list(run.taxonomy.labels),
        "prompts": str(folder / "prompts.toml"),
        "seed": run.asked.whole("seed"),
        "dtype": dtype,
    }
    (folder / "pictures.csv").write_text(f"image_id,path\n{_ID},{picture.name}\n", encoding="utf-8")
    (folder / "prompts.toml").write_text(_toml(run.prompts), encoding="utf-8")
    (folder / "ask.toml").write_text(_toml(asked), encoding="utf-8")
    return ["ask", model, "--config", str(folder / "ask.toml"), "-o", str(folder / "answers")]


def _toml(values: dict[str, Any]) -> str:
    """Keys and values as TOML, whose texts and lists of texts are written as in JSON."""
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def _watch() -> None:
    """Looks at the process once a second; when it has ended, what it found is kept and the page drawn again."""
    work: _Work = st.session_state[_CHILD]
    child = work.child
    if child.running:
        doing = "Counting the parameters" if work.counts else "Loading the model and asking"
        lines = child.lines
        st.progress(child.progress or 0.0, markdown_text(lines[-1] if lines else f"{doing}: {work.model} …"))
        if st.button("Stop", key="new-stop"):
            child.stop()
            _finish(work, "stopped")
        return
    failure = child.failure
    if not failure and work.counts:
        st.session_state[_SIZES][work.model, work.dtype] = child.lines[-1].rpartition(": ")[2]
    elif not failure:
        try:
            answer = load_model_run(child.folder / "answers")
            (picture,) = child.folder.glob("picture.*")
            st.session_state[_ANSWER] = work.model, thumbnail_bytes(str(picture), side=_SIDE), answer
        except (ValueError, OSError) as error:
            failure = str(error)
    _finish(work, failure)


def _finish(work: _Work, failure: str) -> None:
    """Forgets the process and its files, keeps why it failed, and draws the page again."""
    shutil.rmtree(work.child.folder, ignore_errors=True)
    del st.session_state[_CHILD]
    if failure:
        st.session_state[_FAILURE] = work.model, failure
    st.rerun()
