"""Where do pictures and slices lie? Map with a lasso, then the distances of the full space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.arrays import Mask
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.headers import HEADERS, headed
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.cards.chosen import HALVES
from affect_workbench.workbench.report.figures import findings as figures
from affect_workbench.workbench.report.figures import map as map_figure
from affect_workbench.workbench.report.space.section import SpaceSection, section_figures, space_section
from affect_workbench.workbench.runs.saved_slices import SavedSlice
from affect_workbench.workbench.views.address import EMOTION, SLICE, kept
from affect_workbench.workbench.views.components.gallery import show_pictures
from affect_workbench.workbench.views.components.region_card import (
    MapState,
    mapped_of,
    region_of,
    saved_slices,
    show_region,
    show_saved,
)
from affect_workbench.workbench.views.state import current_audit, current_folder


def render() -> None:
    """The map, the pictures that were selected on it or by the boxes beside it, and the distance structure."""
    result = current_audit()
    st.title("Space")
    section, drawn = space_section(result), section_figures(result)
    if section is not None and section.plane:
        st.subheader("In the plane of the labels")
        st.caption(markdown_text(section.plane))
        if "plane" in drawn:
            st.plotly_chart(drawn["plane"], theme=None, key="plane", config=CONFIG)
        st.subheader("By neighbourhood")
    st.caption(sentences.map_badge(result.run.map, len(result.samples)))
    _map(result)
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


def _map(result: AuditResult) -> None:
    """The map, the card of what is drawn on it, and the pictures that were chosen there or by the boxes above it."""
    folder, samples = current_folder(), result.samples
    mapped = None if sentences.map_objection(result.run.map) else mapped_of(result, folder)
    saved = saved_slices(folder)
    first, second, third = st.columns(3)
    declared = result.slices.set_index("slice")["where"]
    options = [*declared.index, *(one.title for one in saved)]
    of_slice, of_emotion = kept(SLICE, options), kept(EMOTION, result.taxonomy.labels)
    slice_name = first.selectbox("In slice", options, index=None, placeholder="any, or lasso on the map", **of_slice)
    emotion = second.selectbox("Predicted as", result.taxonomy.labels, index=None, placeholder="any", **of_emotion)
    among = _named(result, slice_name, declared, saved)
    if emotion is not None:
        own = (samples["predicted"] == emotion).to_numpy()
        among = own if among is None else among & own
    chosen = among
    if mapped is not None:
        colour = third.selectbox("Colour by", map_figure.colourings(result), format_func=column_words)
        half = mapped.has_halves and st.toggle("Keep half back, to confirm on it what you find", value=True, help=HALVES)
        state = MapState(result, folder, mapped, half)
        event = _drawn_map(state, colour, among)
        region = None if event is None else region_of(event)
        if region is not None:
            show_region(state, region)
            inside = np.zeros(len(samples), dtype=bool)
            inside[mapped.at] = region.holds(mapped.places)
            inside &= state.shown
            chosen = inside if among is None else inside & among
        elif picked := [] if event is None else selected_ids(event):
            chosen = samples["image_id"].isin(picked).to_numpy()
        show_saved(state, saved)
    st.subheader("Pictures")
    if chosen is not None:
        show_pictures(samples[chosen], key="selected")
    else:
        st.caption("Draw a lasso on the map, or choose above, to see pictures here.")


def _named(result: AuditResult, name: str | None, declared: pd.Series, saved: Sequence[SavedSlice]) -> Mask | None:
    """Which pictures are in the slice of this name, declared or saved; None where none is named."""
    if name is None:
        return None
    if name in declared.index:
        return SliceSpec.from_json(declared[name]).mask(result.samples)
    (one,) = (one for one in saved if one.title == name)
    return result.samples["image_id"].isin(one.pictures).to_numpy()


def _drawn_map(state: MapState, colour: str, on_top: Mask | None) -> Any:
    """Draws it, and returns what was selected."""
    figure = map_figure.picture_map(state.result, colour=colour, among=state.shown, on_top=on_top)
    if figure is None:
        return None
    figure.update_layout(dragmode="lasso", height=620)
    return st.plotly_chart(
        figure,
        theme=None,
        key="map",
        on_select="rerun",
        selection_mode=("lasso", "box", "points"),
        config=CONFIG,
        alt="Map of the pictures. The boxes above it choose pictures as well.",
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
    return [str(point["customdata"][0]) for point in event["selection"]["points"] if point.get("customdata")]


render()
