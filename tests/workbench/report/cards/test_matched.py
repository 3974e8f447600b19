"""The pictures of a pair are labelled the same and predicted otherwise, in the direction of the claim."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from affect_workbench.workbench.report.cards.assessed import Assessed, assessed_attributes
from affect_workbench.workbench.report.cards.every_attribute import cards_of
from affect_workbench.workbench.report.cards.matched import MOST_APART, MOST_PAIRS, matched_pairs, matches
from affect_workbench.workbench.report.evidence.choice import Claims
from affect_workbench.workbench.report.evidence.gallery import Gallery
from workbench_runs import EKMAN, audited, predictions_table

ONE = {"further": False, "space_pictures": 0, "order": 1}


def world(n: int = 1_500, *, less: bool = False, labels: bool = True, votes: bool = False) -> pd.DataFrame:
    """Dark pictures are predicted as anger too often; or, of those that are labelled so, half are predicted otherwise."""
    table = predictions_table(
        n, attributes={"tone": ("dark", "mid", "light"), "place": ("x", "y"), "age": (1, 2, 3)}, bias=0.6
    )
    if less:
        rng = np.random.default_rng(1)
        table["label"] = np.where(rng.random(n) < 0.5, "anger", table["label"])
        table = table[[name for name in table if not name.startswith("score_")]].assign(predicted=table["label"])
        lost = (table["tone"] == "dark") & (table["label"] == "anger") & (rng.random(n) < 0.7)
        table.loc[lost, "predicted"] = "joy"
    if votes:
        rng = np.random.default_rng(2)
        shares = rng.multinomial(10, [1 / 6] * 6, n)
        shares[np.arange(n), [EKMAN.index(label) for label in table["label"]]] += 6
        table = table.assign(**{f"vote_{label}": shares[:, at] for at, label in enumerate(EKMAN)})
    return table if labels else table.drop(columns="label")


def found(table: pd.DataFrame, emotion: str | None = None):
    """The audit, its claims, and what is known of tone, about an emotion of the slice of dark pictures if one is given."""
    result = audited(table, **ONE, causes=emotion is None)
    assessed = next(one for one in assessed_attributes(result) if one.attribute == "tone")
    if emotion is not None:
        cells = result.findings
        row = cells[(cells["slice"] == "tone: dark") & (cells["emotion"] == emotion)].iloc[0]
        assessed = Assessed("tone", "new", assessed.cells, assessed.causes, assessed.within, row, 0.0)
    return result, Claims(result.samples, result.taxonomy), assessed


def test_an_excess_is_shown_by_the_slice_predicted_so_beside_others_that_are_not():
    result, claims, assessed = found(world())
    samples, pairs = result.samples, matches(claims, assessed, result.run.attributes)
    assert len(pairs) > 10
    for pair in pairs:
        inside, beside = samples.iloc[pair.inside], samples.iloc[pair.beside]
        assert (inside["tone"], inside["predicted"]) == ("dark", "anger")
        assert beside["tone"] != "dark"
        assert beside["predicted"] != "anger"
        assert inside["label"] == beside["label"] != "anger"
        assert pair.apart == 0
    # Each picture once, and those first that agree in all other attributes.
    assert len({pair.beside for pair in pairs}) == len({pair.inside for pair in pairs}) == len(pairs)
    differing = [len(pair.differ) for pair in pairs]
    assert differing == sorted(differing)
    first = samples.iloc[[pairs[0].inside, pairs[0].beside]]
    assert first["place"].nunique() == first["age"].nunique() == 1


def test_a_deficit_is_shown_the_other_way_round():
    result, claims, assessed = found(world(less=True), "anger")
    assert assessed.direction < 0
    samples, pairs = result.samples, matches(claims, assessed, result.run.attributes)
    assert pairs
    for pair in pairs:
        inside, beside = samples.iloc[pair.inside], samples.iloc[pair.beside]
        assert (inside["tone"], inside["label"]) == ("dark", "anger")
        assert inside["predicted"] != "anger"
        assert beside["tone"] != "dark"
        assert beside["predicted"] == beside["label"] == "anger"


def test_votes_are_as_near_as_any_other_picture_has_them():
    result, claims, assessed = found(world(votes=True))
    samples = result.samples
    votes = samples[[f"vote_{label}" for label in EKMAN]].to_numpy(float) / 16
    others = np.flatnonzero((samples["tone"] != "dark") & (samples["predicted"] != "anger"))
    pairs = matches(claims, assessed, result.run.attributes)
    assert pairs
    apart = [pair.apart for pair in pairs]
    assert apart == sorted(apart)
    assert max(apart) <= MOST_APART
    pair = pairs[0]
    by_hand = np.abs(votes[others] - votes[pair.inside]).sum(axis=1) / 2
    assert pair.apart == pytest.approx(by_hand.min())
    assert pair.apart == pytest.approx(np.abs(votes[pair.beside] - votes[pair.inside]).sum() / 2)


def test_without_labels_the_pictures_agree_in_other_attributes():
    result, claims, assessed = found(world(labels=False))
    pairs = matches(claims, assessed, result.run.attributes)
    assert np.isnan(pairs[0].apart)
    assert pairs[0].differ == ()
    words, _ = matched_pairs(result, assessed, claims, Gallery(result.samples))
    assert words.startswith("Similar pictures, different predictions; ")


def test_a_card_has_a_few_pairs_with_their_pictures_and_says_what_they_show(tmp_path):
    table = world(600)
    for at in range(len(table)):
        Image.new("RGB", (8, 8), (at % 256, 99, 7)).save(tmp_path / f"{at}.png")
    table["path"] = [str(tmp_path / f"{at}.png") for at in range(len(table))]
    result = audited(table, **ONE)
    gallery = Gallery(result.samples)
    cards = {card.attribute: card for card in cards_of(result, gallery=gallery)}
    card = cards["tone"]
    assert len(card.pairs) == MOST_PAIRS
    assert card.pairs_words == "The same label, different predictions; on the left tone: dark."
    for pair in card.pairs:
        for one in (pair.inside, pair.beside):
            assert gallery.pictures[one.number] is one.picture
            assert one.picture.thumbnail.startswith("data:image/jpeg;base64,")
            assert one.first
        assert pair.inside.predicted == "anger" != pair.beside.predicted
        assert pair.shared == "the same label; otherwise alike"
    assert (cards["place"].pairs, cards["place"].pairs_words) == ((), "")
    # A page that shows a picture already does not give its id away twice; without a gallery there are no pictures.
    again = cards_of(result, gallery=gallery)
    assert not any(one.first for card in again for pair in card.pairs for one in (pair.inside, pair.beside))
    assert all(not card.pairs and not card.pairs_words for card in cards_of(result))


def test_where_no_other_picture_is_labelled_the_same_that_is_said():
    table = world()
    # Every dark picture that is predicted as anger is labelled disgust, and no other picture is.
    table["label"] = np.where((table["tone"] == "dark") & (table["predicted"] == "anger"), "disgust", "joy")
    result, claims, assessed = found(table, "anger")
    assert matches(claims, assessed, result.run.attributes) == []
    words, pairs = matched_pairs(result, assessed, claims, Gallery(result.samples))
    assert pairs == ()
    assert words == "No matched pair of pictures shows it: none of the other pictures is labelled the same."
