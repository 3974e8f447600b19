"""Each attribute is assessed by what was put into the data: a bias, an echo of the labels, nothing, too little to tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.workbench.report.cards.assessed import assessed_attributes, more_pictures, would_be_seen
from affect_workbench.workbench.report.cards.every_attribute import cards_of
from workbench_runs import EKMAN, audited, predictions_table

ONE = {"further": False, "space_pictures": 0, "order": 1}


def planted(n: int = 3_000, *, echo: float = 0.0, added: float = 0.4, seed: int = 0) -> pd.DataFrame:
    """Dark pictures are labelled as anger in a share `echo` more, and predicted as anger in a share `added` beyond that."""
    rng = np.random.default_rng(seed)
    tone, place = rng.choice(["dark", "light"], n), rng.choice(["street", "home", "forest"], n)
    label = rng.integers(6, size=n)
    label[(tone == "dark") & (rng.random(n) < echo)] = 0
    said = np.where(rng.random(n) < 0.1, rng.integers(6, size=n), label)
    said[(tone == "dark") & (rng.random(n) < added)] = 0
    names = np.array(EKMAN)
    columns = {"predicted": names[said], "label": names[label], "tone": tone, "place": place}
    return pd.DataFrame({"image_id": [f"p{at:05d}" for at in range(n)], **columns})


def kinds(result) -> dict[str, str]:
    return {one.attribute: one.kind for one in assessed_attributes(result)}


def test_a_planted_bias_is_new_and_an_attribute_without_any_has_its_card_too():
    result = audited(planted(), **ONE)
    assert kinds(result) == {"tone": "new", "place": "none"}
    tone = assessed_attributes(result)[0]
    assert (tone.finding["slice"], tone.finding["emotion"]) == ("tone: dark", "anger")
    assert tone.direction > 0
    assert list(tone.causes["cause"]) == ["tone: dark, anger more often"]
    assert tone.causes["stable"].iloc[0] >= 45  # of 50: its mirror, "tone: light, anger less often", is no rival to it


def test_an_echo_of_the_labels_is_no_bias_and_one_that_is_exaggerated_is_amplified():
    assert kinds(audited(planted(echo=0.4, added=0.0), **ONE)) == {"tone": "labels", "place": "none"}
    assert kinds(audited(planted(echo=0.3, added=0.4), **ONE)) == {"tone": "amplified", "place": "none"}


def test_without_labels_a_skew_is_a_difference():
    result = audited(planted().drop(columns="label"), **ONE)
    assert kinds(result) == {"tone": "difference", "place": "none"}
    (card, _) = cards_of(result)
    assert card.sentence.endswith("No labels are known that could say where this comes from. Certain beyond chance.")


def test_a_model_that_says_less_than_the_labels_mutes_them():
    table = planted(6_000, echo=0.4, added=0.0)
    # Half of the surplus is predicted as something else.
    rng = np.random.default_rng(1)
    lost = (table["tone"] == "dark") & (table["predicted"] == "anger") & (rng.random(len(table)) < 0.4)
    table.loc[lost, "predicted"] = rng.choice(EKMAN[1:], int(lost.sum()))
    result = audited(table, **ONE)
    tone = next(one for one in assessed_attributes(result) if one.attribute == "tone")
    assert tone.kind == "muted"
    card = next(card for card in cards_of(result) if card.attribute == "tone")
    gap = 100 * tone.finding["label_gap"]
    assert (
        f"The labels differ by {'+' if gap > 0 else '−'}{abs(gap):.1f} points: the model says less than they do."
        in card.sentence
    )


def test_what_follows_from_another_attribute_is_carried_by_it():
    table = planted(6_000)
    rng = np.random.default_rng(3)
    table["lamp"] = np.where(rng.random(len(table)) < 0.8, table["tone"].map({"dark": "off", "light": "on"}), "on")
    result = audited(table, **ONE)
    assert kinds(result) == {"tone": "new", "lamp": "carried", "place": "none"}
    card = next(card for card in cards_of(result) if card.attribute == "lamp")
    assert card.sentence.endswith("This follows from another cause (tone: dark, anger more often).")
    assert card.causes == ()


def test_too_few_pictures_are_said_to_be_too_few():
    result = audited(planted(60).assign(rare=["seldom"] * 4 + ["mostly"] * 56), **ONE)
    card = next(card for card in cards_of(result) if card.attribute == "rare")
    assert (card.kind, card.chart, card.emotion) == ("too few", None, "")
    assert card.sentence == "No value of rare has 10 pictures with 10 others beside them."
    assert card.settle == "It takes 10 pictures of at least two values."
    assert cards_of(result)[-1].attribute == "rare"


def test_an_inferred_attribute_that_is_no_better_than_chance_gets_no_answer():
    result = audited(planted(), **ONE)
    findings = result.findings.copy()
    findings.loc[findings["slice"].str.startswith("place"), ["verdict", "p"]] = ["undetermined", np.nan]
    run = replace(result.run, unproven={"place": "no better than a random direction"})
    card = next(card for card in cards_of(replace(result, run=run, findings=findings)) if card.attribute == "place")
    assert card.kind == "unproven"
    assert card.sentence == "Nothing is said of place: no better than a random direction."
    assert not card.differs


def test_an_intersection_belongs_to_every_attribute_in_it_unless_a_part_of_it_is_the_cause():
    rng = np.random.default_rng(5)
    table = planted(8_000, added=0.0)
    both = (table["tone"] == "dark") & (table["place"] == "home") & (rng.random(len(table)) < 0.5)
    table.loc[both, "predicted"] = "fear"
    result = audited(table, **(ONE | {"order": 2}))
    assert kinds(result) == {"tone": "new", "place": "new"}
    assert {one.finding["slice"] for one in assessed_attributes(result)} == {"tone: dark and place: home"}
    causes = result.causes
    part = causes.assign(where=[{"tone": "dark"}], cause="tone: dark, fear more often", slice="tone: dark")
    result = replace(result, tables={**result.tables, "causes": pd.concat([part, causes], ignore_index=True)})
    tone = next(one for one in assessed_attributes(result) if one.attribute == "tone")
    place = next(one for one in assessed_attributes(result) if one.attribute == "place")
    assert (list(tone.causes["slice"]), list(tone.within["slice"])) == (["tone: dark"], ["tone: dark and place: home"])
    assert place.causes.empty
    assert list(place.within["slice"]) == ["tone: dark and place: home"]


def test_where_causes_were_not_looked_for_a_skew_is_what_it_is_attributed_to():
    assert kinds(audited(planted(), **ONE, causes=False)) == {"tone": "new", "place": "none"}
    assert kinds(audited(planted(echo=0.4, added=0.0), **ONE, causes=False)) == {"tone": "labels", "place": "none"}
    assert kinds(audited(planted(echo=0.3), **ONE, causes=False)) == {"tone": "amplified", "place": "none"}


@pytest.mark.parametrize(("share", "least", "most"), [(1.0, 0.8, 1.0), (0.5, 0.0, 0.6)])
def test_a_difference_of_the_size_said_would_very_probably_have_been_seen(share, least, most):
    """And one of half the size would not: the size is no idle one."""
    n = 1_200
    even = predictions_table(n, attributes={"tone": ("dark", "light")}, bias=0.0, scores=False)
    size = would_be_seen(quiet := audited(even, **ONE, causes=False), assessed_attributes(quiet)[0])
    assert 0.05 < size < 0.25
    rng, seen = np.random.default_rng(2), 0
    for _ in range(30):
        dark = np.arange(n) % 2 == 0
        # Anger is predicted of a sixth of the light pictures, and of the dark ones that much more often.
        anger = rng.random(n) < np.where(dark, 1 / 6 + share * size, 1 / 6)
        said = np.where(anger, "anger", rng.choice(EKMAN[1:], n))
        table = pd.DataFrame({"image_id": range(n), "predicted": said, "tone": np.where(dark, "dark", "light")})
        findings = audited(table, **ONE, causes=False).findings.set_index(["slice", "emotion"])
        seen += findings.loc[("tone: dark", "anger"), "verdict"] == "skewed"
    assert least <= seen / 30 <= most


def test_with_so_many_more_pictures_no_difference_is_shown_to_be_none():
    few = audited(
        predictions_table(900, attributes={"tone": ("dark", "light")}, bias=0.0, scores=False), **ONE, causes=False
    )
    more = more_pictures(few, assessed_attributes(few)[0])
    assert 1_000 < more < 50_000
    shown = 0
    for seed in range(8):
        table = predictions_table(
            int(900 + more), attributes={"tone": ("dark", "light")}, bias=0.0, scores=False, seed=seed + 10
        )
        shown += (audited(table, **ONE, causes=False).findings["verdict"] == "equivalent").all()
    assert shown >= 5
