"""The app: `streamlit run workbench/app.py`, or `workbench app`. It opens what is saved and never loads a model itself."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# `streamlit run` puts this folder first on the path, where `datasets` would stand before the library of that name.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != HERE]

import streamlit as st  # noqa: E402

from affect_workbench.workbench.views.components.numbers import show_numbers  # noqa: E402
from affect_workbench.workbench.views.folders import asked_folder, asked_kind, folders_to_open  # noqa: E402
from affect_workbench.workbench.views.settings import AUDIT, START  # noqa: E402
from affect_workbench.workbench.views.state import choose_run, current_audit  # noqa: E402

PAGES = HERE / "views" / "pages"
# Section of the navigation -> page under `PAGES` -> its name. (Texts that stand alone would be shown on every page.)
_LISTED = {
    "": {START: "Start"},
    "Audit": {
        "audit/overview.py": "Overview",
        "audit/slices.py": "Slices",
        "audit/disparities.py": "Additional analyses",
        "audit/space.py": "Space",
        "audit/concepts.py": "Concepts",
        "audit/run.py": "Run",
        "audit/discovered.py": "Discovered",
        "audit/comparison.py": "Comparison",
    },
    "Model": {
        "model/model.py": "Model",
        "model/reasoning.py": "Reasoning",
        "model/evaluation.py": "Evaluation",
        "model/anchors.py": "Anchors",
    },
    "People": {"people/review.py": "Review", "people/label.py": "Label"},
    "Data": {"data/duplicates.py": "Duplicates"},
}
# Pages that show the audit that was chosen; those of emotions show its numbers where nothing was predicted.
_OF_EMOTIONS = {
    f"{name}.py" for name in ("audit/overview", "audit/slices", "audit/space", "audit/concepts", "people/review")
}
_OF_AN_AUDIT = {*_OF_EMOTIONS, "audit/disparities.py", "audit/run.py"}
_STYLE = """
/* The default margins take a quarter of a laptop screen away from the tables. */
.stMainBlockContainer { padding: 2.5rem 2rem 4rem; }
/* The toolbar of a plot is for the mouse: what is not seen is no tab stop. */
.js-plotly-plot:not(:hover) .modebar-btn { visibility: hidden; }
/* Streamlit's captions are paler than can be read by everybody. */
.stApp [data-testid="stCaptionContainer"] { color: inherit; opacity: .8; }
/* On a narrow screen a plot with names beside it scrolls: they would leave none of the plot. */
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 2.5rem 1rem 4rem; }
  .stElementContainer:has(.stPlotlyChart) { overflow-x: auto; }
  .stElementContainer:not(.st-key-map, .st-key-plane) > div:has(.stPlotlyChart) { min-width: 560px; }
}
"""


def main() -> None:
    """Draws the frame, lets the reader choose a run, and hands over to the page."""
    st.set_page_config(page_title="Affect Workbench", layout="wide")
    first = _first_page()
    sections = {
        section: {file: st.Page(PAGES / file, title=title, default=file == first) for file, title in listed.items()}
        for section, listed in _LISTED.items()
    }
    page = st.navigation({section: list(pages.values()) for section, pages in sections.items()}, expanded=True)
    (file,) = (file for pages in sections.values() for file, one in pages.items() if one == page)
    st.html(f"<style>{_STYLE}</style>")
    st.sidebar.markdown("**Affect Workbench**")
    chosen = choose_run() if file in _OF_AN_AUDIT else None
    if chosen is not None and file in _OF_EMOTIONS and not current_audit().has_predictions:
        show_numbers(current_audit())
    elif chosen is not None or file not in _OF_AN_AUDIT:
        page.run()


def _first_page() -> str:
    """The page of the folder that the app was started with; without one the newest audit, or the list of all folders."""
    kind = asked_kind()
    if kind is not None:
        return kind.page
    return AUDIT.page if asked_folder() is None and folders_to_open(AUDIT) else START


if __name__ == "__main__":  # worker processes that others start while the app is running import it too
    main()
