"""Where do pictures and slices lie? Map with a lasso, then the distances of the full space."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.headers import HEADERS, headed
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.figures import findings as figures
from affect_workbench.workbench.report.figures import map as map_figure
from affect_workbench.workbench.report.space.section import SpaceSection, section_figures, space_section
from affect_workbench.workbench.views.components.gallery import show_pictures
from affect_workbench.workbench.views.state import current_audit


def render() -> None:
    """The map, the pictures that were selected on it or by the boxes beside it, and the distance structure."""
    result = current_audit()
    st.title("Space")
    section, drawn = space_section(result), section_figures(result)
    if section is not None and "plane" in drawn:
        st.subheader("In the plane of the labels")
        st.caption(markdown_text(section.plane or ""))
        st.plotly_chart(drawn["plane"], theme=None, key="plane", config=CONFIG)
        st.subheader("By neighbourhood")
    st.caption(sentences.map_badge(result.run.map, len(result.samples)))
    colour = st.selectbox("Colour by", map_figure.colourings(result), format_func=column_words)
    figure = map_figure.picture_map(result, colour=colour)
    selected: list[str] = []
    if figure is not None:
        figure.update_layout(dragmode="lasso", height=620)
        event = st.plotly_chart(
            figure, theme=None, key="map", on_select="rerun", selection_mode=("lasso", "box", "points"), config=CONFIG
        )
        selected = selected_ids(event)

    st.subheader("Pictures")
    first, second = st.columns(2)
    slices = result.slices.set_index("slice")["where"]
    slice_name = first.selectbox("In slice", list(slices.index), index=None, placeholder="any, or lasso on the map")
    emotion = second.selectbox("Predicted as", result.taxonomy.labels, index=None, placeholder="any")
    rows: pd.DataFrame = result.samples
    if selected:
        rows = rows[rows["image_id"].isin(selected)]
    if slice_name is not None:
        rows = rows[rows.index.isin(sentences.samples_in(result, slices[slice_name]).index)]
    if emotion is not None:
        rows = rows[rows["predicted"] == emotion]
    if selected or slice_name is not None or emotion is not None:
        show_pictures(rows, key="selected")
    else:
        st.caption("Draw a lasso on the map, or choose above, to see pictures here.")

    st.subheader("Which emotion is each slice pulled toward?")
    pull = figures.pull(result)
    if pull is None:
        st.caption("The predictions contain labels only: there are no distances.")
        return
    st.caption(
        "Measured in the full space, not on the map: how much nearer the slice’s centroid is to an emotion than that of the "
        "other pictures. A number is written where the 95 % interval of the difference excludes zero."
    )
    st.plotly_chart(pull, theme=None, key="pull", config=CONFIG)
    if section is not None:
        _section(section, drawn)
    st.subheader("How accurate, and how clear, is each slice?")
    columns = [
        "slice",
        "n",
        "accuracy",
        "accuracy_low",
        "accuracy_high",
        "complement_accuracy",
        "margin",
        "centroid_shift",
        "centroid_shift_chance",
    ]
    table = result.slices[result.slices["order"] == 1][columns].dropna(axis="columns", how="all")
    accuracy = "vote agreement" if result.run.truth == "votes" else "accuracy"

    def heading(name: str) -> str:
        return name.replace("accuracy", accuracy)

    st.dataframe(
        headed(table).rename(columns=heading),
        hide_index=True,
        key="slices",
        column_config={
            heading(HEADERS.get(name, name)): st.column_config.NumberColumn(format="%.3f") for name in columns[2:]
        },
    )


def _section(section: SpaceSection, drawn: dict[str, go.Figure]) -> None:
    """What the space says: pulled within labels, erased, told apart, labels; then the numbers."""
    st.markdown(f"**{markdown_text(section.warning)}**")
    if section.sample:
        st.caption(markdown_text(section.sample))
    for title, sentences_of, name in (
        ("Still pulled among pictures of the same label?", (section.pull,), "within-pull"),
        ("Does the skew run through the attribute direction?", section.erasures, "erasure"),
        ("Association and linear decodability", section.decodability, ""),
        ("Labels and words", section.labels, "hubs"),
    ):
        if not any(sentences_of):
            continue
        st.subheader(title)
        for sentence in sentences_of:
            st.markdown(markdown_text(sentence or ""))
        if name in drawn:
            st.plotly_chart(drawn[name], theme=None, key=name, config=CONFIG)
    for caption, shown in section.tables.items():
        with st.expander(caption):
            st.dataframe(shown, hide_index=True, key=caption)


def selected_ids(event: Any) -> list[str]:
    """Ids of the selected pictures, from `customdata`: indices would point into the wrong trace."""
    return [str(point["customdata"][0]) for point in event.selection.points if point.get("customdata")]


render()
