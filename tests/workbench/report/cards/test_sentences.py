"""A card says what is in the table, in words that a reader without statistics understands."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.permutation_check import PermutationCheck
from affect_workbench.workbench.report.cards.assessed import assessed_attributes, more_pictures, would_be_seen
from affect_workbench.workbench.report.cards.every_attribute import cards_of
from affect_workbench.workbench.report.cards.sentences import rates_in_words
from workbench_runs import EKMAN, audited

ONE = {"further": False, "space_pictures": 0, "order": 1}


def world(n: int = 4_000, *, votes: bool = False) -> pd.DataFrame:
    """Dark pictures are predicted as anger; night is labelled and, more often still, predicted as fear, noon as joy."""
    rng = np.random.default_rng(4)
    tone, hour = rng.choice(["dark", "light"], n), rng.choice(["night", "noon", "dusk"], n)
    kind = rng.choice(["a", "b"], n)
    label = rng.integers(6, size=n)
    for value, emotion in (("night", "fear"), ("noon", "joy")):
        label[(hour == value) & (rng.random(n) < 0.3)] = EKMAN.index(emotion)
    said = label.copy()
    for value, emotion in (("night", "fear"), ("noon", "joy")):
        said[(hour == value) & (rng.random(n) < 0.3)] = EKMAN.index(emotion)
    said[(tone == "dark") & (rng.random(n) < 0.4)] = EKMAN.index("anger")
    names = np.array(EKMAN)
    columns = {"predicted": names[said], "label": names[label], "tone": tone, "hour": hour, "kind": kind}
    table = pd.DataFrame({"image_id": [f"p{at:05d}" for at in range(n)], **columns})
    if votes:
        table = table.assign(**{f"vote_{name}": 10 * (table["label"] == name) for name in EKMAN})
    return table


@pytest.fixture(scope="module")
def result():
    return audited(world(), **ONE)


@pytest.fixture(scope="module")
def cards(result):
    return {card.attribute: card for card in cards_of(result)}


def test_the_sentence_of_a_bias_has_its_rates_its_source_and_its_certainty(result, cards):
    samples = result.samples
    so, dark = samples["predicted"] == "anger", samples["tone"] == "dark"
    gap = 100 * ((samples["label"] == "anger")[dark].mean() - (samples["label"] == "anger")[~dark].mean())
    said = f"{abs(gap):.0f}" if round(abs(gap)) > 1 else f"{abs(gap):.1f}"
    assert cards["tone"].sentence == (
        f"Pictures with tone: dark are predicted as anger {100 * so[dark].mean():.0f} % of the time, others "
        f"{100 * so[~dark].mean():.0f} %. The labels do not differ ({'−' if gap < 0 else '+'}{said} points): the model adds "
        "this. Certain beyond chance."
    )
    assert cards["tone"].verdict == "Added by the model"
    assert cards["tone"].causes == ("tone: dark, anger more often",)


def test_what_is_exaggerated_is_told_in_one_sentence(result, cards):
    samples, told = result.samples, {}
    for value, emotion in (("night", "fear"), ("noon", "joy")):
        so, here = samples["predicted"] == emotion, samples["hour"] == value
        told[value] = f"{value} as {emotion} ({100 * so[here].mean():.0f} %, others {100 * so[~here].mean():.0f} %"
    card = cards["hour"]
    first, second = ("night", "noon") if card.emotion == "fear" else ("noon", "night")
    assert card.sentence.startswith("The model exaggerates what the labels say: ")
    assert f": {told[first]}; the labels differ by " in card.sentence
    assert re.search(rf" points\)(,| and) {re.escape(told[second])}\)", card.sentence)
    assert card.verdict == "Exaggerated by the model"


def test_of_no_difference_is_said_what_would_have_been_seen_and_what_would_settle_it(result, cards):
    assessed = next(one for one in assessed_attributes(result) if one.attribute == "kind")
    size, card = math.ceil(100 * would_be_seen(result, assessed)), cards["kind"]
    assert card.sentence == (
        f"No difference by kind shown. A difference of {size} points or more would very probably have been seen."
    )
    more = int(float(f"{more_pictures(result, assessed):.2g}"))
    assert card.settle == f"About {more:,} more pictures would show whether it stays within 2 points."
    assert (card.verdict, card.differs, card.folded, card.consequences) == ("No difference shown", False, "", ())


def test_a_difference_that_is_shown_to_be_none_needs_no_more_pictures():
    result = audited(world(1_000), **ONE, tolerance=0.3)
    card = next(card for card in cards_of(result) if card.attribute == "kind")
    assert card.sentence == "No difference by kind: whatever there is stays within 30 points."
    assert card.settle == ""


def test_votes_are_called_votes():
    cards = {card.attribute: card for card in cards_of(audited(world(votes=True), **ONE))}
    assert "The votes do not differ" in cards["tone"].sentence
    assert "votes" in cards["hour"].sentence
    assert "labels" not in cards["tone"].sentence + cards["hour"].sentence


def test_a_cause_that_halves_do_not_confirm_is_not_called_certain(result):
    causes = result.causes.assign(stable=12)
    cards = cards_of(replace(result, tables={**result.tables, "causes": causes}))
    card = next(card for card in cards if card.attribute == "tone")
    assert card.sentence.endswith(
        "Beyond chance, but as a cause of its own found again in 12 of 50 halves of the data only."
    )


def test_the_consequences_add_up_to_what_the_cause_explains(result, cards):
    findings, card = result.findings, cards["tone"]
    follow = findings[(findings["explained_by"] == card.causes[0]) & (findings["verdict"] == "skewed")]
    ways = follow["way"].value_counts()
    assert len(follow) == result.causes.set_index("cause").loc[card.causes[0], "explains"]
    assert card.folded == f"explains {len(follow)} other skews"
    (line,) = card.consequences
    assert line.startswith("tone: dark, anger more often explains ")
    assert f"{ways['mirror']} other values of tone" in line
    assert f"{ways['remainder']} other emotions there" in line


def test_how_it_was_reached_has_the_cell_the_gaps_and_the_cause(result, cards):
    row = result.findings.iloc[0]
    assert (row["slice"], row["emotion"]) == ("tone: dark", "anger")
    counts, cell, gaps, cause, rule, key = cards["tone"].reached
    tone = result.findings[result.findings["slice"].str.startswith("tone")]["verdict"].value_counts()
    assert counts.startswith("12 (value, emotion) pairs: ")
    assert f"{tone['skewed']} skewed" in counts
    assert cell.startswith(
        f"tone: dark, anger: +{100 * row['effect']:.1f} [+{100 * row['low']:.1f}, +{100 * row['high']:.1f}] "
    )
    assert cell.endswith(f" {row['n']:,} pictures and {row['n_complement']:,} others.")
    assert f"model gap +{100 * row['model_gap']:.1f} [" in gaps
    assert "(new)" in cause
    assert f"of {result.causes['halves'].iloc[0]} half-samples" in cause
    assert rule.endswith("by more than 2 points.")
    assert key.startswith("In the chart lines are 95 % intervals; the band is the rate of all pictures ±2 points")


def test_what_else_was_measured_has_a_line_each(result):
    check = PermutationCheck(200, 6, 90, 8, 0.01, 0.06, ())
    row = {
        "slice": "tone: dark",
        "emotion": "anger",
        "attribute": "tone",
        "verdict": "runs through the linear attribute direction",
    }
    erased = pd.DataFrame([row | {"before": 0.301, "after": 0.02, "after_low": -0.01, "after_high": 0.05}])
    severity = pd.DataFrame([{"slice": "tone: dark", "effect": -0.25, "low": -0.3, "high": -0.2, "verdict": "skewed"}])
    findings = result.findings.assign(label_tree_level=None)
    findings.loc[findings.index[0], "label_tree_level"] = "unpleasant"
    tables = {**result.tables, "space_erasure": erased, "severity": severity}
    changed = replace(result, tables=tables, permutation_check=check, findings=findings)
    lines = next(card for card in cards_of(changed) if card.attribute == "tone").measured
    accuracy = result.tables["accuracy"].set_index("slice").loc["tone: dark"]
    assert lines[0] == (
        "With tone erased from the features the difference changes from +30.1 to +2.0 [−1.0, +5.0] points: it runs through "
        "the linear attribute direction."
    )
    assert lines[1] == "It is also skewed at the label-tree level unpleasant."
    assert lines[2] == "Severity: valence of predictions for tone: dark −0.25 [−0.30, −0.20] beside the others (skewed)."
    assert lines[3].startswith(f"Accuracy of tone: dark: {100 * accuracy['accuracy']:.1f} %, others ")
    assert lines[-1] == check.sentence
    plain = next(card for card in cards_of(result) if card.attribute == "tone").measured
    assert [line.split(" ")[0] for line in plain] == ["Accuracy"]


@pytest.mark.parametrize(
    ("rates", "words"),
    [((0.469, 0.23), ("47 %", "23 %")), ((0.014, 0.0), ("1.4 %", "0.0 %")), ((0.312, 0.308), ("31.2 %", "30.8 %"))],
)
def test_two_rates_have_as_few_digits_as_tell_them_apart(rates, words):
    assert rates_in_words(*rates) == words
