"""Which folder of a kind does a page show? That of its address, else the one chosen last, else the first."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.views.address import RUN
from affect_workbench.workbench.views.folders import folders_to_open, runs_root, short_name
from affect_workbench.workbench.views.settings import Kind


def choose_folder(*kinds: Kind, label: str) -> Path | None:
    """Lets the reader choose a folder of these kinds in the sidebar, and keeps the choice in the address.

    Args:
        kinds: what the page shows.
        label: of the choice.

    Returns:
        The folder; None where there is none.
    """
    offered = {folder_name(folder): folder for folder in folders_to_open(*kinds)}
    if not offered:
        return None
    field, kept = f"choose {kinds[0].record}", f"chosen {kinds[0].record}"
    asked = st.query_params.get(RUN) or st.session_state.get(kept, "")
    name = asked if asked in offered else next(iter(offered))
    if asked and name != asked:
        st.warning(markdown_text(f"There is no {kinds[0].words} at {asked}: {name} is shown instead."))
    st.session_state[field] = name
    st.sidebar.selectbox(label, list(offered), key=field, on_change=_follow, args=(field,), help="newest first")
    st.session_state[kept] = name
    if st.query_params.get(RUN) != name:
        st.query_params[RUN] = name
    return offered[name]


def folder_name(folder: Path) -> str:
    """What the folder is called in the address and in choices."""
    return short_name(folder, runs_root())


def _follow(field: str) -> None:
    """Before the page runs again: the address says what was chosen."""
    st.query_params[RUN] = st.session_state[field]
