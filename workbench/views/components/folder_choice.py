"""Which folder of a kind does a page show? That of its address, else the one chosen last, else the first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.views.address import RUN
from affect_workbench.workbench.views.folders import folders_to_open, runs_root, short_name
from affect_workbench.workbench.views.settings import Kind

Loaded = TypeVar("Loaded")


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


def load_folder(kind: Kind, *, label: str, load: Callable[[Path], Loaded], command: str) -> Loaded | None:
    """What is kept in the folder that the reader chose; where there is none, or it cannot be read, the page says so.

    Args:
        kind: what the page shows.
        label: of the choice.
        load: opens a folder.
        command: that makes one, with `{}` in place of the folder that is looked through.
    """
    folder = choose_folder(kind, label=label)
    if folder is None:
        root = runs_root()
        st.info(f"Nothing is kept under `{root}` for this page ({kind.words}). Make it with `{command.format(root)}`.")
        return None
    try:
        return load(folder)
    except (OSError, ValueError) as error:
        st.error(markdown_text(f"{folder_name(folder)} ({kind.words}) cannot be opened: {error}"))
        return None


def folder_name(folder: Path) -> str:
    """What the folder is called in the address and in choices."""
    return short_name(folder, runs_root())


def _follow(field: str) -> None:
    """Before the page runs again: the address says what was chosen."""
    st.query_params[RUN] = st.session_state[field]
