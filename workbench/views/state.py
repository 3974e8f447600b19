"""Which audit is the app looking at? The newest run, or the one that was chosen; opened once, shared by all pages."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.storage.atomic import MARKER
from affect_workbench.workbench.runs.store import load_audit, runs_under
from affect_workbench.workbench.views import address
from affect_workbench.workbench.views.address import RUN, choose, kept, restore
from affect_workbench.workbench.views.settings import RUN_VARIABLE, RUNS_VARIABLE

_CHOSEN = "chosen_run"


def choose_run(*, needed: bool = True) -> Path | None:
    """Lets the reader choose a run in the sidebar; the newest, or the one the app was started with, comes first.

    Where there is none the page says so, unless it needs none.
    """
    root = Path(os.environ.get(RUNS_VARIABLE, "runs"))
    asked = os.environ.get(RUN_VARIABLE, "")
    runs = runs_under(root)
    if asked:
        first = Path(asked)
        runs = [first, *(run for run in runs if run.resolve() != first.resolve())]
    if not runs and not needed:
        return None
    if not runs:
        st.title("No audit to show yet")
        st.info(
            f"There is no finished audit under `{root}`. Make one with `workbench demo`, or start with `workbench app RUN`."
        )
        return None

    def name(path: Path) -> str:
        return short_name(path, root)

    restore()
    opened = kept(RUN, runs, text=name, first=runs[0])
    chosen = Path(st.sidebar.selectbox("Run", runs, format_func=name, help="newest first", **opened))
    if not address.chosen(RUN):
        choose(**{RUN: name(chosen)})
    st.session_state[_CHOSEN] = chosen
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


def short_name(path: Path, root: Path) -> str:
    """The path as it is under `root`, whole where it lies elsewhere."""
    try:
        return str(path.resolve().relative_to(root.resolve()))
    except ValueError:
        return str(path)
