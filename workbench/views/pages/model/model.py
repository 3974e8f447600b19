"""What does a multimodal LLM answer about a picture, what do its places say, and does a probe speak for it?

A finished run of `workbench ask` or `workbench attach` is enough; the model is loaded only for a new picture, when asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import MARKER
from affect_workbench.data.tables.columns import attribute_columns, column_words
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.interface.thumbnails import thumbnail_bytes
from affect_workbench.workbench.models.asking.files import asked_notes
from affect_workbench.workbench.models.attaching.browsing import AttachedRun, ModelRun, load_model_run, nearest
from affect_workbench.workbench.models.attaching.figures import places_figure
from affect_workbench.workbench.models.attaching.files import ANSWERS, attached_feature_set, is_attached
from affect_workbench.workbench.models.attaching.sentences import (
    READERS,
    agreement_sentence,
    agreement_table,
    agreement_text,
    asked_sentence,
    nearest_sentence,
    places_sentence,
)
from affect_workbench.workbench.report.sections.inside import causal_sentences, sweep_section
from affect_workbench.workbench.views.components.folder_choice import choose_folder
from affect_workbench.workbench.views.components.gallery import show_thumbnails
from affect_workbench.workbench.views.components.model.model_answers import show_answers
from affect_workbench.workbench.views.components.model.new_picture import show_new_picture
from affect_workbench.workbench.views.folders import runs_root
from affect_workbench.workbench.views.settings import ASKED, ATTACHED

_CHOSEN = "model_picture"
_NO_LABEL = "no label named"
_A_ROW, _A_PAGE = 6, 12
_NEAREST = 8
_SMALL, _LARGE = 220, 440
_ID_LENGTH = 22


def render() -> None:
    """The run, whether a probe speaks for its model, one picture, the sweep over places, and a new picture."""
    st.title("Model")
    folder = choose_folder(ATTACHED, ASKED, label="Run of a model")
    if folder is None:
        st.info(
            f"No model was asked under `{runs_root()}` yet. Make a run with `workbench attach MODEL --pictures MANIFEST -o "
            f"{runs_root()}/attached`, or with `workbench ask`, which also asks models behind an address."
        )
        return
    try:
        run = _load(str(folder), (folder / MARKER).stat().st_mtime_ns)
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"This run cannot be opened: {error}"))
        return
    st.markdown(markdown_text(asked_sentence(run)))
    for note in asked_notes(folder / ANSWERS if is_attached(folder) else folder):
        st.warning(markdown_text(note))
    if run.attached is not None:
        _certificate(run.attached)
    st.header("One picture")
    row = _choose_picture(run.pictures, list(run.taxonomy.labels))
    if row is not None:
        _picture(run, row)
        if run.attached is not None:
            _places(run, run.attached, row)
            _nearest(run, run.attached, row, folder)
    if run.attached is None:
        st.info("The model was asked and not looked into: `workbench attach` also says where inside it its answers stand.")
    else:
        _inside(run.attached)
    show_new_picture(run)


@st.cache_resource(max_entries=4, show_spinner="Opening the run …")
def _load(folder: str, written: int) -> ModelRun:
    return load_model_run(Path(folder))


@st.cache_resource(max_entries=16, show_spinner=False)
def _features(folder: str, place: str, written: int) -> FeatureSet:
    return attached_feature_set(Path(folder), place)


def _certificate(attached: AttachedRun) -> None:
    """Whether the answer probe speaks for the model; where else it was fitted."""
    st.header("Does a probe speak for the model?")
    speaks, sentence = agreement_sentence(attached)
    (st.success if speaks else st.warning)(markdown_text(sentence))
    table = agreement_table(attached)
    audited = attached.record.text("audited")
    with st.expander("Agreement at every place"):
        st.caption("Share of pictures for which the answer probe of a place says what the model answered, with intervals.")
        shown = {
            "place": table.index,
            "agreement": [agreement_text(row) for _, row in table.iterrows()],
            "audited": ["yes" if place == audited else "" for place in table.index],
        }
        st.dataframe(pd.DataFrame(shown), hide_index=True, key="agreement")


def _choose_picture(pictures: pd.DataFrame, labels: list[str]) -> dict[str, Any] | None:
    """The picture that was clicked among those that match what is looked for; else the first of them."""
    first, second, third = st.columns([2, 1, 1])
    wanted = first.text_input("Find by id", placeholder="part of an id")
    answered = second.selectbox("Answered as", [*labels, _NO_LABEL], index=None, placeholder="any")
    label = third.selectbox("Labelled", labels, index=None, placeholder="any") if "label" in pictures else None
    rows = pictures
    if wanted:
        rows = rows[rows["image_id"].str.contains(wanted.strip(), case=False, regex=False)]
    if answered is not None:
        rows = rows[rows["predicted"].isna()] if answered == _NO_LABEL else rows[rows["predicted"] == answered]
    if label is not None:
        rows = rows[rows["label"] == label]
    if rows.empty:
        st.info("No picture is in this selection.")
        return None
    pages = -(-len(rows) // _A_PAGE)
    narrow = st.columns([1, 3])[0]
    page = min(int(narrow.number_input(f"Page, of {pages:,}", 1, pages, 1)), pages) if pages > 1 else 1
    shown: list[Any] = rows.iloc[(page - 1) * _A_PAGE : page * _A_PAGE].to_dict("records")
    chosen = st.session_state.get(_CHOSEN)
    if not (rows["image_id"] == chosen).any():
        chosen = shown[0]["image_id"]
    for start in range(0, len(shown), _A_ROW):
        for column, row in zip(st.columns(_A_ROW), shown[start : start + _A_ROW], strict=False):
            with column:
                _small(row, chosen=row["image_id"] == chosen)
    st.caption(f"{len(shown):,} of {plural(len(rows), 'picture')}; choose one by its id.")
    (found,) = rows[rows["image_id"] == chosen].to_dict("records")
    return {str(name): value for name, value in found.items()}


def _small(row: dict[str, Any], *, chosen: bool) -> None:
    """A thumbnail, what was answered, and a button that chooses it."""
    small = thumbnail_bytes(row.get("path"), side=_SMALL)
    if small is None:
        st.caption("no thumbnail: the file is missing")
    else:
        st.image(small, width=110)
    image_id = row["image_id"]
    name = image_id if len(image_id) <= _ID_LENGTH else f"…{image_id[1 - _ID_LENGTH :]}"
    st.button(
        markdown_text(name),
        key=f"choose {image_id}",
        on_click=_chose,
        args=(image_id,),
        type="primary" if chosen else "secondary",
        help=markdown_text(image_id) if name != image_id else None,
    )
    st.caption(markdown_text(_caption(row)))


def _chose(image_id: str) -> None:
    st.session_state[_CHOSEN] = image_id


def _caption(row: dict[str, Any]) -> str:
    """What was answered, and the label."""
    answered = f"answered {row['predicted']}" if row["predicted"] else _NO_LABEL
    return f"{answered} · labelled {row['label']}" if row.get("label") else answered


def _picture(run: ModelRun, row: dict[str, Any]) -> None:
    """The picture with what is known of it, beside what the model answered."""
    st.subheader(markdown_text(f"Picture {row['image_id']}"))
    left, right = st.columns([1, 2])
    with left:
        large = thumbnail_bytes(row.get("path"), side=_LARGE)
        if large is None:
            st.caption("no picture: the file is missing or cannot be read")
        else:
            st.image(large, width=260)
        known = {column_words(name): row[name] for name in attribute_columns(run.pictures) if _plain(name, row[name])}
        st.caption(markdown_text(" · ".join([_caption(row), *(f"{name}: {value}" for name, value in known.items())])))
    with right:
        show_answers(run, row["image_id"], label=row.get("label"), key="picture")


def _plain(name: str, value: Any) -> bool:
    return value is not None and value == value and not name.startswith("score_")


def _places(run: ModelRun, attached: AttachedRun, row: dict[str, Any]) -> None:
    """What each place says of the picture, by one reader at a time."""
    st.subheader("What the places say of it")
    reader = st.radio("Read by", attached.readers, horizontal=True)
    predicted = run.predicted_at(row["image_id"], reader)
    if predicted.empty:
        st.info("This picture was not tapped.")
        return
    st.markdown(markdown_text(places_sentence(predicted, reader=reader, answered=row["predicted"])))
    st.plotly_chart(places_figure(predicted), theme=None, key="places", config=CONFIG)
    st.caption(markdown_text(f"{READERS.get(reader, '')} The largest of a row in bold."))


def _nearest(run: ModelRun, attached: AttachedRun, row: dict[str, Any], folder: Path) -> None:
    """The pictures that lie nearest to it at one place."""
    st.subheader("Nearest pictures")
    audited = attached.record.text("audited")
    place = st.selectbox("Place", attached.places, index=attached.places.index(audited), key="nearest-place")
    try:
        features = _features(str(folder), place, (folder / MARKER).stat().st_mtime_ns)
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"The features of {place} cannot be opened: {error}"))
        return
    near = nearest(features, row["image_id"], most=_NEAREST).merge(run.pictures, on="image_id")
    if near.empty:
        st.info("This picture was not tapped.")
        return
    st.markdown(markdown_text(nearest_sentence(near, answered=row["predicted"], label=row.get("label"))))
    if "path" in near:
        records: list[Any] = near.to_dict("records")
        captions = [f"{one['cosine']:.3f} · {_caption(one)}" for one in records]
        show_thumbnails(near, captions)
    with st.expander("As a table"):
        columns = ["image_id", "cosine", "predicted", *(["label"] if "label" in near else [])]
        names = {"image_id": "picture", "predicted": "answered"}
        st.dataframe(near[columns].rename(columns=names), hide_index=True, key="nearest")
    st.caption(markdown_text(f"By the cosine of the features at {place}, over {plural(len(features), 'tapped picture')}."))


def _inside(attached: AttachedRun) -> None:
    """The sweep over places as in the report, and what erasing did."""
    section = sweep_section(attached.layers)
    st.header(section.title)
    for sentence in section.found:
        st.markdown(f"- {markdown_text(sentence)}")
    st.plotly_chart(section.figure, theme=None, key="sweep", config=CONFIG)
    st.caption(markdown_text(section.explanation))
    with st.expander("Every place and reader"):
        st.dataframe(section.table, hide_index=True, key="table of the sweep")
    if attached.causal is not None:
        st.header("Does the model use what is written there?")
        for sentence in causal_sentences(attached.causal):
            st.markdown(f"- {markdown_text(sentence)}")


render()
