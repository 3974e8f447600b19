"""What is known of one picture? The picture in full size over the page, with what it lies beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from affect_workbench.analyses.audit.tables import SCORE_OF
from affect_workbench.data.tables.columns import VOTE_PREFIX, column_words
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.thumbnails import thumbnail_bytes
from affect_workbench.workbench.report.evidence.choice import caption
from affect_workbench.workbench.views.state import current_audit

_SIDE, _SMALL = 1_200, 220
_NEAREST = 6
_AT = "picture that is open"


def open_picture(ids: Sequence[str], at: int) -> None:
    """Opens the picture at place `at` of those shown, named by their ids."""
    st.session_state[_AT] = ids[at]
    _opened(list(ids))


@st.dialog("Picture", width="large")
def _opened(ids: list[str]) -> None:
    result, now = current_audit(), st.session_state[_AT]
    rows = result.samples[result.samples["image_id"] == now]
    if rows.empty:
        st.info("This picture is not in the run that is open.")
        return
    row: dict[Any, Any] = rows.iloc[0].to_dict()
    st.markdown(f"**{markdown_text(now)}**: {markdown_text(caption(row))}")
    whole = thumbnail_bytes(row.get("path"), side=_SIDE)
    if whole is None:
        st.info("Its file is not on this machine.")
    else:
        st.image(whole, width="content", alt=f"picture {now}")
    _steps(ids, now)
    known = {column_words(column): row[column] for column in result.run.attributes if pd.notna(row[column])}
    st.caption(markdown_text("; ".join(f"{name}: {value}" for name, value in known.items())))
    _measured(row, result.taxonomy.labels)
    _neighbours(result.samples, rows.index[0])


def _steps(ids: list[str], now: str) -> None:
    """Back and on in the order shown; a neighbour on the map has no place in it."""
    if now not in ids:
        st.button(f"Back to {ids[0]}" if len(ids) == 1 else "Back to the pictures shown", on_click=_go, args=(ids[0],))
        return
    at, last = ids.index(now), len(ids) - 1
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Before", disabled=at == 0, on_click=_go, args=(ids[max(at - 1, 0)],), shortcut="Left")
        st.button("Next", disabled=at == last, on_click=_go, args=(ids[min(at + 1, last)],), shortcut="Right")
        st.caption(f"{at + 1:,} of {len(ids):,} in the order shown")


def _measured(row: dict[Any, Any], labels: Sequence[str]) -> None:
    """Votes and scores of each emotion, as far as they are known."""
    votes = pd.Series([row.get(VOTE_PREFIX + label, np.nan) for label in labels], dtype=float)
    scores = [row.get(SCORE_OF + label, np.nan) for label in labels]
    table = pd.DataFrame({"emotion": labels, "votes %": 100 * votes / votes.sum(), "score": scores})
    table = table.dropna(axis="columns", how="all")
    if len(table.columns) > 1:
        form = {name: st.column_config.NumberColumn(format=form) for name, form in (("votes %", "%.0f"), ("score", "%.3f"))}
        st.dataframe(table, hide_index=True, column_config=form, key="votes and scores")
    else:
        st.caption("Neither votes nor scores are known of it.")
    if pd.notna(row["audit_margin"]):
        st.caption(f"Margin between the nearest and the second nearest label: {row['audit_margin']:.3f}.")


def _neighbours(samples: pd.DataFrame, index: Any) -> None:
    """The pictures that lie nearest on the map."""
    places = samples[["audit_x", "audit_y"]].to_numpy(np.float64)
    here = places[samples.index.get_loc(index)]
    if np.isnan(here).any():
        return
    order = np.argsort(((places - here) ** 2).sum(axis=1), kind="stable")  # without a place last
    st.markdown("**Nearest on the map**")
    with st.container(horizontal=True):
        for row in samples.iloc[[at for at in order[: _NEAREST + 1] if samples.index[at] != index]].to_dict("records"):
            with st.container(width=120):
                small = thumbnail_bytes(row.get("path"), side=_SMALL)
                if small is not None:
                    st.image(small, width=110, alt=f"picture {row['image_id']}")
                name = str(row["image_id"])
                label = f"{markdown_text(name)}: {markdown_text(caption(row))}"
                st.button(label, key=f"near {name}", on_click=_go, args=(name,), type="tertiary")


def _go(name: str) -> None:
    st.session_state[_AT] = name
