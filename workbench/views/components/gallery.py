"""Which pictures are behind a number? The pictures themselves where their files are there, and a table."""

from __future__ import annotations

import re

import pandas as pd
import streamlit as st

from affect_workbench.analyses.audit.tables import SCORE_OF
from affect_workbench.workbench.interface.headers import headed, raw_names
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.thumbnails import thumbnail_bytes
from affect_workbench.workbench.report.evidence.choice import Evidence, caption, worst_first
from affect_workbench.workbench.report.evidence.gallery import typical_first
from affect_workbench.workbench.views.components.picture import open_picture

MOST_ROWS = 1_000
_MOST_THUMBNAILS = 12
_MOST_TRIED = 2_000
_SIDE, _WIDTH = 220, 110
_STYLE = """
/* The button of a picture reaches over the picture. */
.st-key-PICTURES [data-testid=stVerticalBlock] { position: relative; }
.st-key-PICTURES button { text-align: left; justify-content: flex-start; white-space: normal; }
.st-key-PICTURES button p { font-size: 13px; line-height: 1.3; }
.st-key-PICTURES button::after { content: ""; position: absolute; inset: 0; }
"""
_WORST_FIRST = "those that contradict their label come first"


def show_evidence(found: Evidence, *, key: str) -> None:
    """Shows the pictures that show a claim, the best first, with what they are in words."""
    st.markdown(markdown_text(found.words))
    if len(found):
        rows = found.rows
        as_emotion = bool((rows["predicted"] == found.emotion).all())
        if "path" in rows:
            show_thumbnails(rows, found.captions(_MOST_TRIED), key=key)
            if as_emotion:
                _captioned(typical_first(rows), "Most typical: with a margin near the middle of these", key=f"{key} typical")
        _table(rows, key=key, order=_WORST_FIRST if as_emotion else "the clearest examples come first")


def show_pictures(rows: pd.DataFrame, *, key: str) -> None:
    """Shows samples: those read most against their labels, the most typical ones, and a table of all."""
    if rows.empty:
        st.info("No picture is in this selection.")
        return
    worst = worst_first(rows)
    if "path" in worst:
        known = worst["audit_agreement"].notna().any()
        title = "Furthest from their labels, most confident first" if known else "Most confident first"
        _captioned(worst, title, key=key)
        title = "Most typical: predicted as most of this selection is, with a margin near the middle of it"
        _captioned(typical_first(rows), title, key=f"{key} typical")
    _table(worst, key=key, order=_WORST_FIRST)


def show_thumbnails(rows: pd.DataFrame, captions_of: list[str], title: str = "", *, key: str = "") -> bool:
    """A row of pictures with what they show; False, and nothing, where no file can be found.

    With a `key` they are of the open audit, and each opens in full size.
    """
    shown: list[bytes] = []
    captions: list[str] = []
    ids: list[str] = []
    some = rows.head(len(captions_of))
    names = some["image_id"] if key else some.index
    for name, path, words in zip(names, some["path"], captions_of, strict=True):
        small = thumbnail_bytes(path, side=_SIDE)
        if small is not None:
            shown.append(small)
            captions.append(markdown_text(words))
            ids.append(str(name))
        if len(shown) == _MOST_THUMBNAILS:
            break
    if shown and title:
        st.markdown(f"**{title}**")
    if shown and not key:
        st.image(shown, caption=captions, width=_WIDTH)
    elif shown:
        _openable(shown, captions, ids, key=key)
    return bool(shown)


def _openable(shown: list[bytes], captions: list[str], ids: list[str], *, key: str) -> None:
    """Pictures of which each is a button with its caption."""
    name = "pictures-" + re.sub(r"\W+", "-", key)
    st.html(f"<style>{_STYLE.replace('PICTURES', name)}</style>")
    with st.container(horizontal=True, key=name):
        for at, (small, words) in enumerate(zip(shown, captions, strict=True)):
            with st.container(width=_WIDTH + 6, gap=None):
                st.image(small, width=_WIDTH, alt=f"picture {ids[at]}")
                if st.button(words, key=f"{name} {at}", type="tertiary", help=markdown_text(ids[at])):
                    open_picture(ids, at)


def _table(rows: pd.DataFrame, *, key: str, order: str) -> None:
    hidden = [
        str(name)
        for name in rows
        if str(name).startswith(("vote_", SCORE_OF)) or name in ("audit_x", "audit_y", "path", "content", "split")
    ]
    columns = ["image_id", "predicted", *(["label"] if "label" in rows else []), "audit_agreement", "audit_margin"]
    columns += [str(name) for name in rows if name not in (*columns, *hidden)]
    shown = rows[columns].head(MOST_ROWS)
    st.dataframe(
        headed(shown),
        hide_index=True,
        key=key,
        column_config=raw_names(shown)
        | {
            "agreement": st.column_config.NumberColumn(format="%.2f", help="share of labels or votes for the prediction"),
            "margin": st.column_config.NumberColumn(
                format="%.3f", help="difference between the nearest and the second nearest label"
            ),
        },
    )
    first = f"the first {MOST_ROWS:,} of " if len(rows) > MOST_ROWS else ""
    st.caption(f"{first}{len(rows):,} pictures; {order}.")


def _captioned(rows: pd.DataFrame, title: str, *, key: str) -> None:
    some = rows.head(_MOST_TRIED)
    show_thumbnails(some, [caption(row) for row in some.to_dict("records")], title, key=key)
