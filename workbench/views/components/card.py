"""What does a card look like in the app? The report's own template, with links to what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.interface.page import template
from affect_workbench.workbench.report.cards.card import AttributeCard, ShownPicture
from affect_workbench.workbench.report.cards.every_attribute import cards_of, finding_card
from affect_workbench.workbench.report.evidence.choice import Claims
from affect_workbench.workbench.report.evidence.gallery import Gallery
from affect_workbench.workbench.views.address import ATTRIBUTE, EMOTION, SLICE, view
from affect_workbench.workbench.views.components.drawing import as_image
from affect_workbench.workbench.views.state import current_version

SLICES_PAGE = "views/pages/audit/slices.py"
_SIDE_BY_SIDE = "grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; align-items: start;"
_STYLE = """
:root { --ink: #1f2328; --quiet: #59636e; --line: #d9dee3; }
.stHtml .card { border: 0; padding: 0; color: var(--ink); }
.stHtml .card summary:focus-visible { outline: 2px solid #0072B2; outline-offset: 2px; }
"""


@contextmanager
def side_by_side(key: str) -> Iterator[None]:
    """What is drawn in it stands side by side where there is room for two, else below each other in the same order."""
    st.html(f"<style>.st-key-{key} {{ display: grid; {_SIDE_BY_SIDE} }}</style>")
    with st.container(key=key):
        yield


def show_card(card: AttributeCard) -> None:
    """The card in a frame; one of an attribute leads to its slices."""
    with st.container(border=True):
        st.html(str(template("attribute_card.html").module.card(_drawn_whole(card))))  # type: ignore[attr-defined]
        if not card.alone:
            where = {ATTRIBUTE: card.attribute, SLICE: card.slice, EMOTION: card.emotion}
            label = f"Pictures and slices of {card.title}"
            st.page_link(SLICES_PAGE, label=label, icon=":material/arrow_forward:", query_params=view(**where))


def card_style() -> None:
    """The style of cards, once on a page that shows some."""
    st.html(f"<style>{template('cards.css').render()}{_STYLE}</style>")


def current_cards(result: AuditResult) -> tuple[AttributeCard, ...]:
    """The cards of the open audit, made once for all sessions."""
    return _cards(*current_version(), result)


def current_card(result: AuditResult, position: int) -> AttributeCard:
    """The card of a row of its findings."""
    return _card(*current_version(), position, result)


def current_claims(result: AuditResult) -> Claims:
    """What the pictures of the open audit show, worked out once."""
    return _claims(*current_version(), result)


@st.cache_resource(max_entries=4, show_spinner="Making the cards …")
def _cards(folder: str, written: int, _result: AuditResult) -> tuple[AttributeCard, ...]:
    return cards_of(_result, gallery=Gallery(_result.samples), claims=_claims(folder, written, _result))


@st.cache_resource(max_entries=200, show_spinner=False)
def _card(folder: str, written: int, position: int, _result: AuditResult) -> AttributeCard:
    return finding_card(_result, position, gallery=Gallery(_result.samples), claims=_claims(folder, written, _result))


@st.cache_resource(max_entries=4, show_spinner=False)
def _claims(folder: str, written: int, _result: AuditResult) -> Claims:
    return Claims(_result.samples, _result.taxonomy)


def _drawn_whole(card: AttributeCard) -> AttributeCard:
    """The card as `st.html` takes it: drawings as images, and each picture in it, since no script puts one there later."""

    def whole(shown: ShownPicture) -> ShownPicture:
        return replace(shown, first=True)

    pairs = tuple(replace(pair, inside=whole(pair.inside), beside=whole(pair.beside)) for pair in card.pairs)
    chart = None if card.chart is None else as_image(card.chart, 'style="width: 100%"')
    return replace(card, pairs=pairs, chart=chart, mark=as_image(card.mark, 'class="mark"'))
