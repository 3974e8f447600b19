"""Which pictures are behind a number? The pictures themselves where their files are there, and a table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench.behind import typical_first, worst_first
from workbench.sentences import markdown_text
from workbench.thumbnails import thumbnail_bytes

MOST_ROWS = 1_000
_MOST_THUMBNAILS = 12
_MOST_TRIED = 2_000
_SIDE = 220


def show_pictures(rows: pd.DataFrame, *, key: str) -> None:
    """Shows samples: those read most against their labels, the most typical ones, and a table of all."""
    if rows.empty:
        st.info("No picture is in this selection.")
        return
    worst = worst_first(rows)
    if "path" in worst:
        known = worst["audit_agreement"].notna().any()
        _thumbnails(worst, "Read most against their labels, the surest first" if known else "The surest first")
        _thumbnails(
            typical_first(rows), "Most typical: read as most of this selection is, with a margin near the middle of it"
        )
    hidden = [
        str(name)
        for name in worst
        if str(name).startswith("vote_") or name in ("audit_x", "audit_y", "path", "content", "split")
    ]
    columns = ["image_id", "predicted", *(["label"] if "label" in worst else []), "audit_agreement", "audit_margin"]
    columns += [str(name) for name in worst if name not in (*columns, *hidden)]
    st.dataframe(
        worst[columns].head(MOST_ROWS),
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
    shown = f"the first {MOST_ROWS:,} of " if len(worst) > MOST_ROWS else ""
    st.caption(f"{shown}{len(worst):,} pictures; those read against their label come first.")


def _thumbnails(rows: pd.DataFrame, title: str) -> None:
    """A row of pictures with what they were read as; nothing where no file can be found."""
    shown: list[bytes] = []
    captions: list[str] = []
    for row in rows[rows["path"].notna()].head(_MOST_TRIED).itertuples():
        small = thumbnail_bytes(row.path, side=_SIDE)
        if small is not None:
            label = getattr(row, "label", None)
            shown.append(small)
            captions.append(markdown_text(f"read as {row.predicted}" + (f", labelled {label}" if pd.notna(label) else "")))
        if len(shown) == _MOST_THUMBNAILS:
            break
    if shown:
        st.markdown(f"**{title}**")
        st.image(shown, caption=captions, width=110)
