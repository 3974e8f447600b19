"""Which runs are there to open? Of every kind, the newest first."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from affect_workbench.data.plurals import plural
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.views.address import RUN
from affect_workbench.workbench.views.components.folder_choice import folder_name
from affect_workbench.workbench.views.folders import finished_at, folders_to_open, kind_of, outcome_of, runs_root
from affect_workbench.workbench.views.settings import KINDS, Kind

_MOST = 100
_PAGES = Path(__file__).parent


def render() -> None:
    """How many there are, then a link for each with its kind, when it was made, and what came of it."""
    st.title("Runs")
    found = [(folder, kind) for folder in folders_to_open(*KINDS) if (kind := kind_of(folder)) is not None]
    found.sort(key=lambda one: finished_at(one[0]), reverse=True)
    if not found:
        st.info(
            f"There is nothing to open under `{runs_root()}` yet. Make a first audit with `workbench demo`, or start with "
            "`workbench app FOLDER`, whatever command wrote the folder."
        )
        return
    st.markdown(f"{plural(len(found), 'folder')} to open under `{runs_root()}`, the newest first.")
    for folder, kind in found[:_MOST]:
        _show(folder, kind)
    if len(found) > _MOST:
        st.caption(f"The newest {_MOST} of {len(found):,}; each page offers all of its kind.")


def _show(folder: Path, kind: Kind) -> None:
    with st.container(border=True):
        name = folder_name(folder)
        made = finished_at(folder)
        label = f"**{markdown_text(name)}**"
        st.page_link(_PAGES / kind.page, label=label, icon=":material/folder_open:", query_params={RUN: name})
        st.caption(f"{kind.words} · {datetime.fromtimestamp(made):%Y-%m-%d %H:%M}")
        try:
            st.markdown(markdown_text(_outcome(str(folder), kind, made)))
        except (OSError, ValueError) as error:
            st.error(markdown_text(f"This folder cannot be opened: {error}"))


@st.cache_data(max_entries=1_000, show_spinner=False)
def _outcome(folder: str, kind: Kind, made: float) -> str:
    return outcome_of(Path(folder), kind)


render()
