"""Which pictures do two sets share? The pairs side by side, whether or not there is an audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from affect_workbench.analyses.duplicates.find import KINDS, Overlap
from affect_workbench.workbench.datasets.overlap_page import FOUND_BY, outcome
from affect_workbench.workbench.datasets.overlap_store import SavedOverlap, load_overlap
from affect_workbench.workbench.interface.headers import headed
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.thumbnails import thumbnail_bytes
from affect_workbench.workbench.views.components.folder_choice import choose_folder
from affect_workbench.workbench.views.folders import runs_root
from affect_workbench.workbench.views.settings import OVERLAP

_A_PAGE = 24
_SIDE = 220


def render() -> None:
    """The comparison that was chosen: its outcome, where and in which classes, and the pairs."""
    st.title("Duplicates")
    saved = _chosen()
    if saved is None:
        return
    result = saved.overlap
    st.markdown(f"**{markdown_text(outcome(result, name_a=saved.name_a, name_b=saved.name_b))}**")
    for note in result.notes:
        st.warning(markdown_text(note))
    if result.pairs.empty:
        st.caption(markdown_text(result.calibration))
        return
    left, right = st.columns(2)
    left.markdown("**By split**")
    left.dataframe(_splits(result), hide_index=True, key="counts")
    concerned = result.classes[result.classes[["exact", "near"]].sum(axis=1) > 0]
    right.markdown("**By class**")
    right.dataframe(headed(concerned).rename(columns={"label": "class"}), hide_index=True, key="classes")
    st.header("The pairs")
    _show(_filtered(result), saved)
    st.caption(markdown_text(result.calibration))


def _chosen() -> SavedOverlap | None:
    """The comparison that the reader chose."""
    folder = choose_folder(OVERLAP, label="Comparison")
    if folder is None:
        st.info(
            f"No comparison of two sets is kept under `{runs_root()}`. Make one with `workbench overlap A B -o "
            f"{runs_root()}/overlap`: it looks for exact duplicates and near-duplicates."
        )
        return None
    try:
        return load_overlap(folder)
    except (ValueError, OSError) as error:
        st.error(markdown_text(f"This comparison cannot be opened: {error}"))
        return None


def _splits(result: Overlap) -> pd.DataFrame:
    names = {
        "split_a": "first",
        "split_b": "second",
        "exact": "exact pairs",
        "near": "near pairs",
        "pictures_a": "in first",
        "pictures_b": "in second",
    }
    return result.counts.replace({"split_a": {"": "no split"}, "split_b": {"": "no split"}}).rename(columns=names)


def _filtered(result: Overlap) -> pd.DataFrame:
    """The pairs that the reader asked for, in the order of the table: exact ones first, then the most alike."""
    pairs = result.pairs
    first, second, third = st.columns([2, 3, 3], vertical_alignment="bottom")
    kinds = first.multiselect("Kind", KINDS, placeholder="exact and near")
    if kinds:
        pairs = pairs[pairs["kind"].isin(kinds)]
    between = [(str(row.split_a), str(row.split_b)) for row in result.counts.itertuples()]
    if len(between) > 1:
        asked = second.multiselect("Splits", between, placeholder="all splits", format_func=_between)
        if asked:
            inside = [(a, b) in asked for a, b in zip(pairs["split_a"], pairs["split_b"], strict=True)]
            pairs = pairs[inside]
    if third.checkbox("Only pairs with different labels"):
        pairs = pairs[_differ(pairs)]
    return pairs


def _show(pairs: pd.DataFrame, saved: SavedOverlap) -> None:
    """One page of pairs as thumbnails, two pairs in a row."""
    if pairs.empty:
        st.info("No pair is in this selection.")
        return
    pages = -(-len(pairs) // _A_PAGE)
    page = int(st.number_input(f"Page, of {pages:,}", 1, pages, 1)) if pages > 1 else 1
    shown = list(pairs.iloc[(page - 1) * _A_PAGE : page * _A_PAGE].itertuples())
    for start in range(0, len(shown), 2):
        for column, row in zip(st.columns(2), shown[start : start + 2], strict=False):
            with column.container(border=True):
                st.markdown(markdown_text(_told(row)))
                for half, side, name in zip(st.columns(2), "ab", (saved.name_a, saved.name_b), strict=True):
                    with half:
                        _picture(row, side, name, within=saved.overlap.within)
    st.caption(f"{len(shown):,} of {len(pairs):,} pairs; all are in pairs.csv.")


def _picture(row: Any, side: str, name: str, *, within: bool) -> None:
    path, label, split = (getattr(row, f"{what}_{side}") for what in ("path", "label", "split"))
    small = thumbnail_bytes(path, side=_SIDE)
    if small is None:
        st.caption("no thumbnail: the file is missing or cannot be read" if path else "no thumbnail: no path is known")
    else:
        st.image(small, width=170)
    known = [text for text in (label or "no label", split, "" if within else f"of {Path(name).name or name}") if text]
    st.caption(markdown_text(" · ".join(known)) + f"  \n{markdown_text(str(getattr(row, f'id_{side}')))}")


def _told(row: Any) -> str:
    """What the two are to each other, and how it shows."""
    exact = row.kind == "exact"
    parts = ["identical files"] if exact else [f"similar by {FOUND_BY[row.found_by]}"]
    parts += [] if exact or pd.isna(row.cosine) else [f"cosine {row.cosine:.3f}"]
    parts += [] if exact or pd.isna(row.hamming) else [f"{int(row.hamming)} of 64 bits differ"]
    parts += ["labels differ"] if row.label_a and row.label_b and row.label_a != row.label_b else []
    return ", ".join(parts)


def _differ(pairs: pd.DataFrame) -> pd.Series:
    known = pairs["label_a"].notna() & pairs["label_b"].notna()
    return known & (pairs["label_a"] != pairs["label_b"])


def _between(splits: tuple[str, str]) -> str:
    return " and ".join(split or "no split" for split in splits)


render()
