"""Which pictures are behind a number? A table, and the pictures themselves where their files are there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

MOST_ROWS = 1_000
_MOST_THUMBNAILS = 12


def show_pictures(rows: pd.DataFrame, *, key: str) -> None:
    """Shows samples as a table, those read against their label first, with thumbnails where `path` can be opened."""
    if rows.empty:
        st.info("No picture is in this selection.")
        return
    ordered = rows.sort_values(["audit_agreement", "image_id"], na_position="last", kind="stable")
    if "path" in ordered:
        files = [path for path in map(Path, ordered["path"].dropna().astype(str)) if path.is_file()][:_MOST_THUMBNAILS]
        if files:
            st.image([str(file) for file in files], caption=[file.name for file in files], width=110)
    hidden = [
        str(name) for name in ordered if str(name).startswith("vote_") or name in ("audit_x", "audit_y", "path", "split")
    ]
    columns = ["image_id", "predicted", *(["label"] if "label" in ordered else []), "audit_agreement", "audit_margin"]
    columns += [str(name) for name in ordered if name not in (*columns, *hidden)]
    st.dataframe(
        ordered[columns].head(MOST_ROWS),
        hide_index=True,
        key=key,
        column_config={
            "image_id": "picture",
            "audit_agreement": st.column_config.NumberColumn(
                "agreement", format="%.2f", help="share of labels or votes for the prediction"
            ),
            "audit_margin": st.column_config.NumberColumn(
                "margin", format="%.3f", help="second nearest minus nearest label"
            ),
        },
    )
    shown = f"the first {MOST_ROWS:,} of " if len(ordered) > MOST_ROWS else ""
    st.caption(f"{shown}{len(ordered):,} pictures; those read against their label come first.")
