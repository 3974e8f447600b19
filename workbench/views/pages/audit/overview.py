"""What did the audit find? The outcome in words, then a card for every attribute."""

from __future__ import annotations

import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.plurals import plural
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.report.first_page.headline import beside_headline, headline, outcome
from affect_workbench.workbench.report.first_page.outcome import cause_outcome
from affect_workbench.workbench.report.first_page.tiles import first_tiles
from affect_workbench.workbench.report.sections.fidelity import certificate_box
from affect_workbench.workbench.report.system.section import read_first, stated_card, use_warning
from affect_workbench.workbench.runs.reviews import progress_sentence
from affect_workbench.workbench.views.components.card import card_style, current_cards, show_card, side_by_side
from affect_workbench.workbench.views.components.review_form import current_reviews
from affect_workbench.workbench.views.state import current_audit, current_folder


def render() -> None:
    """The report's first page: headline, outcome, three tiles, what to know first, cards."""
    result = current_audit()
    cards = current_cards(result)
    _outcome(result)
    with st.container(horizontal=True):
        for tile in first_tiles(result, cards):
            with st.container(border=True, width=260):
                st.metric(tile.what, f"{tile.count:,}")
                if tile.more:
                    st.caption(markdown_text(tile.more))
    if warning := use_warning(stated_card(result)):
        st.warning(markdown_text(warning))
    notes = [note for note in (*read_first(result), *beside_headline(result)) if note != warning]
    if notes:
        with st.expander(f"Read this first: {plural(len(notes), 'note')}"):
            st.markdown("\n".join(f"- {markdown_text(note)}" for note in notes))
    decided = current_reviews(result, current_folder())
    if decided:
        st.caption(f"{markdown_text(progress_sentence(result, decided))} The page *Review* has them one by one.")
    st.header("Attribute by attribute")
    card_style()
    with side_by_side("cards"):
        for card in cards:
            show_card(card)


def _outcome(result: AuditResult) -> None:
    st.html("<style>.stMainBlockContainer h1 { font-size: clamp(24px, 2.6vw, 34px); }</style>")  # a sentence, not a name
    st.title(markdown_text(headline(result)))
    certificate = certificate_box(result)
    if certificate is not None:
        words = (f"**{markdown_text(certificate.title)}**", markdown_text(certificate.sentence))
        lines = [f"- {markdown_text(line)}" for line in certificate.silent]
        box = st.info if certificate.kind == "everywhere" else st.warning
        box("\n\n".join((*words, "\n".join(lines))))
    told = cause_outcome(result)
    st.markdown(markdown_text(outcome(result) if told is None else told.lead))
    if result.permutation_check is not None:
        st.markdown(markdown_text(result.permutation_check.sentence))
    for remark in result.run.provenance.get("remarks", ()):
        st.markdown(markdown_text(remark))


render()
