"""The app: `streamlit run workbench/app.py`, or `workbench app`. It opens saved audits and never loads a model."""

import os

import streamlit as st

from workbench.opened import OVERLAP_VARIABLE, choose_run


def main() -> None:
    """Draws the frame, lets the reader choose a run, and hands over to the page."""
    st.set_page_config(page_title="Affect Workbench", layout="wide")
    copies = st.Page("views/copies.py", title="Copies", default=bool(os.environ.get(OVERLAP_VARIABLE)))
    pages = [
        st.Page("views/overview.py", title="Overview", default=not os.environ.get(OVERLAP_VARIABLE)),
        st.Page("views/slices.py", title="Slices"),
        st.Page("views/review.py", title="Review"),
        st.Page("views/space.py", title="Space"),
        st.Page("views/run.py", title="Run"),
        copies,
    ]
    page = st.navigation(pages)
    # The default margins take a quarter of a laptop screen away from the tables.
    st.html("<style>.stMainBlockContainer { padding: 2.5rem 2rem 4rem; }</style>")
    st.sidebar.markdown("**Affect Workbench**")
    if page.title == copies.title or choose_run() is not None:  # copies between sets need no audit
        page.run()


if __name__ == "__main__":  # worker processes that others start while the app is running import it too
    main()
