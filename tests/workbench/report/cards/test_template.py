"""A card on a page: everything from the data is text, nothing runs, and what folds is folded."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from affect_workbench.workbench.interface.page import template
from affect_workbench.workbench.report.cards.card import AttributeCard
from affect_workbench.workbench.report.cards.every_attribute import cards_of
from affect_workbench.workbench.report.evidence.gallery import Gallery
from workbench_runs import HOSTILE, audited, predictions_table

ONE = {"further": False, "space_pictures": 0, "order": 1}


class Elements(HTMLParser):
    """All elements, and the text outside of folded ones."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        assert not [name for name, _ in attrs if name.startswith("on")]


def drawn(card: AttributeCard) -> str:
    return str(template("attribute_card.html").module.card(card))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_comes_from_the_data_is_text(text):
    table = predictions_table(400, labels=(*HOSTILE, "joy"), attributes={text: (text, "light")}, bias=0.9, scores=False)
    table["image_id"] = [f"{text} {at}" for at in range(len(table))]
    result = audited(table, **ONE)
    (card,) = cards_of(result, gallery=Gallery(result.samples))
    assert card.differs
    page = Elements(drawn(card))
    assert not {"script", "img", "b", "em", "h1"} & set(page.names)
    assert len(set(page.ids)) == len(page.ids)
    assert {"article", "h3", "figure", "svg", "details"} <= set(page.names)


def test_a_card_is_named_by_its_heading_and_says_verdict_and_sentence():
    result = audited(predictions_table(900, scores=False), **ONE)
    tone, place = cards_of(result)
    page = drawn(tone)
    assert re.search(
        r'<article class="card" data-kind="new" aria-labelledby="card-tone">\s*<h3 id="card-tone">tone</h3>', page
    )
    assert "Added by the model</p>" in page
    assert tone.sentence.replace(" %", "\u00a0%") in page
    assert tone.anchor == "card-tone"
    assert "<small>protected</small>" not in page
    assert page.count("<details>") == 2 + bool(tone.pairs)
    assert drawn(place).count("<details>") == 1
