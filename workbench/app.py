"""The app: `streamlit run workbench/app.py`, or `workbench app`. It opens saved audits and never loads a model."""

import streamlit as st

from workbench.opened import choose_run


def main() -> None:
    """Draws the frame, lets the reader choose a run, and hands over to the page."""
    st.set_page_config(page_title="Affect Workbench", layout="wide")
    pages = [
        st.Page("views/overview.py", title="Overview", default=True),
        st.Page("views/slices.py", title="Slices"),
        st.Page("views/review.py", title="Review"),
        st.Page("views/further.py", title="Asked further"),
        st.Page("views/space.py", title="Space"),
        st.Page("views/run.py", title="Run"),
        st.Page("views/concepts.py", title="Concepts"),
        label := st.Page("views/label.py", title="Label"),
    ]
    page = st.navigation(pages)
    # The default margins take a quarter of a laptop screen away from the tables.
    st.html("<style>.stMainBlockContainer { padding: 2.5rem 2rem 4rem; }</style>")
    st.sidebar.markdown("**Affect Workbench**")
    labelling = page == label  # whoever labels needs no audit
    if choose_run(needed=not labelling) is not None or labelling:
        page.run()


main()
