"""What is in the region that was drawn on the map? Its card, the test on the half kept back, and a name to save it under."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.space.geometry.region import Region
from affect_workbench.arrays import Mask
from affect_workbench.data.storage.atomic import MARKER
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.report.cards.chosen import (
    ChosenCard,
    Confirmation,
    MappedPictures,
    chosen_card,
    confirmation,
    mapped_pictures,
)
from affect_workbench.workbench.runs.files import SAVED_SLICES_FILE, SAVED_SLICES_TABLE
from affect_workbench.workbench.runs.saved_slices import (
    SavedSlice,
    audit_command,
    load_saved_slices,
    save_slice,
    saved_table,
    write_saved_table,
)
from affect_workbench.workbench.views.components.drawing import as_image

_SAVED = "slice_saved"


@dataclass(frozen=True)
class MapState:
    """A run's map as the page needs it.

    Attributes:
        result: the audit.
        folder: its run.
        mapped: the pictures on the map.
        half: whether one half is kept back.
    """

    result: AuditResult
    folder: Path
    mapped: MappedPictures
    half: bool

    @property
    def shown(self) -> Mask:
        """Which of the audit's samples may be looked at on the map `(n,)`."""
        mask = np.zeros(len(self.result.samples), dtype=bool)
        mask[self.mapped.at[~self.mapped.kept] if self.half else self.mapped.at] = True
        return mask


def mapped_of(result: AuditResult, folder: Path) -> MappedPictures | None:
    """The pictures on the run's map, worked out once a run."""
    return _mapped(str(folder), (folder / MARKER).stat().st_mtime_ns, result)


@st.cache_resource(max_entries=4, show_spinner="Reading the map …")
def _mapped(folder: str, written: int, _result: AuditResult) -> MappedPictures | None:
    return mapped_pictures(_result)


def region_of(event: Any) -> Region | None:
    """The region that was drawn with lasso or box; None where none was."""
    selection = event["selection"]
    outlines = [(one["x"], one["y"]) for one in selection.get("lasso", [])]
    for box in selection.get("box", []):
        (left, right), (low, high) = sorted(box["x"]), sorted(box["y"])
        outlines.append(([left, right, right, left], [low, low, high, high]))
    outlines = [outline for outline in outlines if len(outline[0]) >= 3]
    return Region.of(outlines) if outlines else None


def show_region(state: MapState, region: Region) -> None:
    """The card of a region, its test on the other half, and the form to save it."""
    mapped = state.mapped
    among = mapped.looked_at if state.half else mapped.data
    inside = region.holds(mapped.places)
    card = chosen_card(state.result, mapped, inside[~mapped.kept] if state.half else inside, among=among)
    if card is None:
        st.info("The region holds no picture, or all of them: there is nothing to compare.")
        return
    with st.container(border=True, key="region-card"):
        st.markdown(f"#### {markdown_text(card.title)}")
        st.markdown(markdown_text(card.sentence))
        st.warning(markdown_text(card.cautions[0]), icon=":material/visibility:")
        _numbers(card, state.result.run.truth)
        for caution in card.cautions[1:]:
            st.caption(markdown_text(caution))
        key = f"confirmed {hash((state.folder, region))}"
        confirmed = _confirm(state, region, card, key=key)
        _save_form(state, region, inside, confirmed)


def saved_slices(folder: Path) -> tuple[SavedSlice, ...]:
    """Those of the run; unreadable ones are told in one line."""
    if message := st.session_state.pop(_SAVED, ""):
        st.toast(message)
    file = folder / SAVED_SLICES_FILE
    try:
        return _loaded(str(folder), file.stat().st_mtime_ns) if file.is_file() else ()
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"The saved slices of this run cannot be read: {error}"))
        return ()


@st.cache_resource(max_entries=4, show_spinner=False)
def _loaded(folder: str, written: int) -> tuple[SavedSlice, ...]:
    return load_saved_slices(folder)


def show_saved(state: MapState, slices: tuple[SavedSlice, ...]) -> None:
    """Which slices are saved, and the command that audits them as attributes."""
    if not slices:
        return
    with st.expander(f"Saved slices ({len(slices)}) and how to audit them"):
        for one in slices:
            st.markdown(markdown_text(f"{one.title}: {len(one.pictures):,} pictures, {one.chosen[:10]}."))
            if one.holds:
                st.caption(markdown_text(f"Holds on the half kept back: {', '.join(one.holds)}."))
        table, record = (state.folder / name for name in (SAVED_SLICES_TABLE, SAVED_SLICES_FILE))
        current = table.is_file() and table.stat().st_mtime_ns >= record.stat().st_mtime_ns
        if not current and not st.button("Write the table that an audit takes"):
            return
        if not current:
            _write_table(state, slices)
        st.code(audit_command(state.result, slices, state.folder), language="shell", wrap_lines=True)
        st.caption(
            "The table holds the saved slices as attributes. Those chosen while half of the pictures was kept back have "
            "values in that half only, so that the audit’s intervals and tests hold; those chosen among all pictures are "
            "tested on what they were chosen by, and stay exploratory."
        )


def _numbers(card: ChosenCard, truth: str) -> None:
    left, right = st.columns([1, 1])
    left.html(as_image(card.chart))
    left.caption(markdown_text(card.chart_words))
    right.markdown("**Most different attributes**")
    right.dataframe(card.attributes, hide_index=True, key="region attributes")
    with st.expander("All emotions in numbers, in points"):
        st.dataframe(card.emotions, hide_index=True, key="region emotions")
        if truth != "none":
            st.caption(f"Label gap: how much the {truth} differ. Model gap: how much the predictions differ beyond them.")


def _confirm(state: MapState, region: Region, card: ChosenCard, *, key: str) -> Confirmation | None:
    """What the other half says, once it was asked."""
    if not state.half:
        st.caption("All pictures were shown, so nothing is left to confirm this on: keep half of them back, and draw again.")
        return None
    if not st.session_state.get(key):
        if not st.button("Confirm on the other half", type="primary", key="confirm"):
            return None
        st.session_state[key] = True
    found = confirmation(state.result, state.mapped, region, card=card)
    st.markdown(f"**On the other half:** {markdown_text(found.sentence)}")
    if len(found.table):
        st.dataframe(found.table, hide_index=True, key="region confirmed")
    st.caption(markdown_text(found.caution))
    return found


def _save_form(state: MapState, region: Region, inside: Mask, confirmed: Confirmation | None) -> None:
    with st.form("save the region", border=False):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        name = left.text_input("Name", placeholder="what these pictures have in common", max_chars=60)
        if not right.form_submit_button("Save to the run", help="saved in the run folder, for everyone"):
            return
    ids = state.result.samples["image_id"].to_numpy(dtype=object)[state.mapped.at[inside]]
    try:
        one = SavedSlice(
            name.strip(),
            tuple(map(str, ids)),
            tuple(json.dumps(polygon) for polygon in region.polygons),
            datetime.now(UTC).isoformat(timespec="seconds"),
            half=state.half,
            asked=confirmed is not None,
            holds=confirmed.names if confirmed is not None else (),
        )
        save_slice(one, state.folder, attributes=state.result.run.attributes)
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"Not saved: {error}"))
        return
    st.session_state[_SAVED] = markdown_text(f"Saved: {one.title}")
    st.rerun()


def _write_table(state: MapState, slices: tuple[SavedSlice, ...]) -> None:
    ids = state.result.samples["image_id"].to_numpy(dtype=object)[state.mapped.at]
    write_saved_table(saved_table(slices, ids, kept=state.mapped.kept), state.folder)
