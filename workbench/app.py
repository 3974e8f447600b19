"""The app: `streamlit run workbench/app.py`, or `workbench app`. It opens what is saved and never loads a model itself."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# `streamlit run` puts this folder first on the path, where `datasets` would stand before the library of that name.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != HERE]

import streamlit as st  # noqa: E402

from affect_workbench.workbench.views.components.numbers import show_numbers  # noqa: E402
from affect_workbench.workbench.views.settings import MODEL_VARIABLE, OVERLAP_VARIABLE  # noqa: E402
from affect_workbench.workbench.views.state import choose_run, current_audit  # noqa: E402

PAGES = HERE / "views" / "pages"
_STYLE = """
/* The default margins take a quarter of a laptop screen away from the tables. */
.stMainBlockContainer { padding: 2.5rem 2rem 4rem; }
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
    with_copies, with_model = (bool(os.environ.get(name)) for name in (OVERLAP_VARIABLE, MODEL_VARIABLE))
    overview = st.Page(PAGES / "audit" / "overview.py", title="Overview", default=not (with_copies or with_model))
    slices = st.Page(PAGES / "audit" / "slices.py", title="Slices")
    disparities = st.Page(PAGES / "audit" / "disparities.py", title="Additional analyses")
    space = st.Page(PAGES / "audit" / "space.py", title="Space")
    concepts = st.Page(PAGES / "audit" / "concepts.py", title="Concepts")
    run = st.Page(PAGES / "audit" / "run.py", title="Run")
    discovered = st.Page(PAGES / "audit" / "discovered.py", title="Discovered")
    review = st.Page(PAGES / "people" / "review.py", title="Review")
    label = st.Page(PAGES / "people" / "label.py", title="Label")
    copies = st.Page(PAGES / "data" / "duplicates.py", title="Duplicates", default=with_copies)
    model = st.Page(PAGES / "model" / "model.py", title="Model", default=with_model)
    reasoning = st.Page(PAGES / "model" / "reasoning.py", title="Reasoning")
    page = st.navigation(
        {
            "Audit": [overview, slices, disparities, space, concepts, run, discovered],
            "Model": [model, reasoning],
            "People": [review, label],
            "Data": [copies],
        }
    )
    st.html(f"<style>{_STYLE}</style>")
    st.sidebar.markdown("**Affect Workbench**")
    chosen = None if page in (copies, model, reasoning) else choose_run(needed=page not in (label, discovered))
    of_emotions = page in (overview, slices, space, concepts, review)
    if chosen is not None and of_emotions and not current_audit().has_predictions:
        show_numbers(current_audit())
    elif chosen is not None or page in (label, discovered, copies, model, reasoning):  # these need no audit
        page.run()


if __name__ == "__main__":  # worker processes that others start while the app is running import it too
    main()
