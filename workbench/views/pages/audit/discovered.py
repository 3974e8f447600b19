"""Which slices did nobody name? The held-out verdict first, then the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from affect_workbench.workbench.discovery.sentences import WARNING, slice_sentence
from affect_workbench.workbench.discovery.store import load_discovery
from affect_workbench.workbench.interface.headers import headed
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.views.components.folder_choice import load_folder
from affect_workbench.workbench.views.settings import DISCOVERY

_MOST_PICTURES = 12


def render() -> None:
    """Choose a discovery, read what holds, choose a slice, see its held-out members."""
    st.title("Discovered slices")
    found = load_folder(
        DISCOVERY,
        label="Discovery",
        load=load_discovery,
        command="workbench discover --features DIR --probe DIR -o {}/found",
    )
    if found is None:
        return
    st.markdown(f"**{markdown_text(found.headline)}**")
    for note in found.notes:
        st.caption(markdown_text(note))
    st.warning(WARNING)
    if found.table.empty:
        return
    rows, members = list(found.table.itertuples()), found.members
    others = [row for row in rows if row.verdict != "verified"]
    st.markdown(_list([row for row in rows if row.verdict == "verified"]))
    if others:
        with st.expander(f"{len(others):,} more that are not confirmed"):
            st.markdown(_list(others))
    row = st.selectbox("Pictures of slice", rows, format_func=lambda row: f"{row.slice}. {row.name} → {row.emotion}")
    _show(members[(members["slice"] == row.slice) & (members["half"] == "confirm")], row)


def _list(rows: list[Any]) -> str:
    return "\n".join(f"- {markdown_text(slice_sentence(row))}" for row in rows)


def _show(members: pd.DataFrame, row: Any) -> None:
    """Held-out members with the highest scores, in that order, whatever was said of them."""
    st.caption(f"{markdown_text(row.why)}. {len(members):,} held-out pictures, the most typical first.")
    first = members.sort_values(["score", "image_id"], ascending=[False, True], kind="stable")
    known = [name for name in ("image_id", "predicted", "label", "score") if name in first]
    if "path" in first:
        there = [isinstance(path, str) and Path(path).is_file() for path in first["path"]]
        shown = first[there].head(_MOST_PICTURES)
        words = [
            markdown_text(f"predicted as {one.predicted}" + (f", labelled {one.label}" if "label" in known else ""))
            for one in shown.itertuples()
        ]
        if len(shown):
            st.image([str(path) for path in shown["path"]], caption=words, width=110)
    st.dataframe(headed(first[known]), hide_index=True, key="members")


render()
