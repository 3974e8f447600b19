"""The app: `streamlit run workbench/app.py`, or `workbench app`. It opens saved audits and never loads a model."""

import os

import streamlit as st

from workbench.numbers_view import show_numbers
from workbench.opened import OVERLAP_VARIABLE, choose_run, opened_audit


def main() -> None:
    """Draws the frame, lets the reader choose a run, and hands over to the page."""
    st.set_page_config(page_title="Affect Workbench", layout="wide")
    with_copies = bool(os.environ.get(OVERLAP_VARIABLE))
    copies = st.Page("views/copies.py", title="Copies", default=with_copies)
    label = st.Page("views/label.py", title="Label")
    discovered = st.Page("views/discovered.py", title="Discovered")
    review = st.Page("views/review.py", title="Review")
    emotions = [
        st.Page("views/overview.py", title="Overview", default=not with_copies), st.Page("views/slices.py", title="Slices"),
        st.Page("views/space.py", title="Space"), st.Page("views/concepts.py", title="Concepts"), review,
    ]  # fmt: skip
    overview, slices, space, concepts, _ = emotions
    page = st.navigation(
        {
            "Audit": [
                overview,
                slices,
                st.Page("views/further.py", title="Asked further"),
                space,
                concepts,
                st.Page("views/run.py", title="Run"),
                discovered,
            ],
            "People": [review, label],
            "Data": [copies],
        }
    )
    # The default margins take a quarter of a laptop screen away from the tables.
    st.html("<style>.stMainBlockContainer { padding: 2.5rem 2rem 4rem; }</style>")
    st.sidebar.markdown("**Affect Workbench**")
    chosen = None if page == copies else choose_run(needed=page not in (label, discovered))
    if chosen is not None and page in emotions and not opened_audit().has_predictions:
        show_numbers(opened_audit())
    elif chosen is not None or page in (label, discovered, copies):  # these need no audit
        page.run()


if __name__ == "__main__":  # worker processes that others start while the app is running import it too
    main()
