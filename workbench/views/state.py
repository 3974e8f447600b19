"""Which audit is the app looking at? The newest run, or the one that was chosen; opened once, shared by all pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.storage.atomic import MARKER
from affect_workbench.workbench.runs.store import load_audit
from affect_workbench.workbench.views import address
from affect_workbench.workbench.views.components.folder_choice import choose_folder
from affect_workbench.workbench.views.folders import runs_root
from affect_workbench.workbench.views.settings import AUDIT

_CHOSEN = "chosen_run"


def choose_run() -> Path | None:
    """The run that the reader chose in the sidebar; where there is none the page says so."""
    address.restore()
    chosen = choose_folder(AUDIT, label="Run")
    if chosen is None:
        st.title("No audit to show yet")
        st.info(
            f"There is no finished audit under `{runs_root()}`. Make one with `workbench demo`, or start with `workbench "
            "app RUN`."
        )
    else:
        st.session_state[_CHOSEN] = chosen
        address.remember()
    return chosen


def current_audit() -> AuditResult:
    """The chosen audit; a run that cannot be read stops the page with one clear line."""
    try:
        return _load(*current_version())
    except (ValueError, OSError) as error:
        st.error(f"This run cannot be opened: {error}")
        st.stop()


def current_version() -> tuple[str, int]:
    """The folder of the chosen run and when it was finished: what is worked out of a run is kept by these two.

    Raises:
        OSError: the run is gone.
    """
    folder = current_folder()
    return str(folder), (folder / MARKER).stat().st_mtime_ns


def current_folder() -> Path:
    """The folder of the chosen run."""
    return Path(st.session_state[_CHOSEN])


@st.cache_resource(max_entries=4, show_spinner="Opening the audit …")
def _load(folder: str, written: int) -> AuditResult:
    return load_audit(folder)
