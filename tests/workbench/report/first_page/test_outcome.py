"""The outcome in a sentence or two: the new causes with size and certainty, or what stands in their place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from affect_workbench.workbench.report.cards.every_attribute import cards_of
from affect_workbench.workbench.report.first_page.headline import outcome
from affect_workbench.workbench.report.first_page.outcome import cause_outcome
from affect_workbench.workbench.report.first_page.tiles import first_tiles
from workbench_runs import CELLS, audited, predictions_table


@pytest.fixture(scope="module")
def result():
    """Dark pictures are predicted as anger more often than they are labelled so."""
    return audited(predictions_table(1_200, bias=0.6), **CELLS)


def with_causes(result, *kinds, **values):
    """The same audit with as many causes as kinds, all as large as the first one of it."""
    one = result.causes.iloc[[0]].assign(adjusted_effect=0.2, adjusted_low=0.172, adjusted_high=0.228, **values)
    rows = one.loc[one.index.repeat(len(kinds))].reset_index(drop=True)
    return replace(result, tables={**result.tables, "causes": rows.assign(kind=list(kinds))})


def test_a_planted_bias_is_the_headline_and_its_unbiased_twin_has_none(result):
    told = cause_outcome(result)
    cause = result.causes.iloc[0]
    assert (cause["slice"], cause["emotion"], cause["kind"]) == ("tone: dark", "anger", "new")
    points = f"{100 * cause['adjusted_effect']:.0f}"
    assert told.headline.startswith(
        f"Pictures with tone: dark are predicted as anger {points} points more often than their labels explain"
    )
    assert f"{100 * cause['adjusted_low']:.0f} to {100 * cause['adjusted_high']:.0f}" in told.lead
    assert outcome(result) == str(told)

    quiet = cause_outcome(audited(predictions_table(1_200, bias=0.0), **CELLS))
    assert quiet.headline == "No cause found: no difference is both beyond chance and larger than 2 points"
    assert quiet.lead.startswith("This does not prove the absence of bias: ")


def test_of_more_than_two_new_causes_one_is_named_and_the_others_are_counted(result):
    told = cause_outcome(with_causes(result, "new", "new", "new", "amplified", "amplified", "muted"))
    assert told.headline == "Pictures with tone: dark are predicted as anger 20 points more often than their labels explain"
    assert told.lead == (
        "The 95 % interval is 17 to 23 points. 2 more differences are new; 2 exaggerate what the labels say; "
        "1 says less than the labels do."
    )


def test_two_new_causes_are_both_named(result):
    told = cause_outcome(with_causes(result, "new", "new"))
    assert told.headline == (
        "Pictures with tone: dark are predicted as anger 20 points more often than their labels explain, "
        "and those with tone: dark as anger 20 points more often"
    )
    assert told.lead == "The 95 % intervals are 17 to 23 and 17 to 23 points."


def test_amplified_and_muted_causes_are_not_called_new(result):
    told = cause_outcome(with_causes(result, "amplified", "amplified"))
    assert told.headline == (
        "The model exaggerates what the labels say: "
        "pictures with tone: dark are predicted as anger 20 points more often than their labels explain"
    )
    assert told.lead.endswith("1 more difference exaggerates what the labels say.")
    told = cause_outcome(with_causes(result, "muted"))
    assert told.headline.startswith("The model says less than the labels do: ")


def test_without_truth_a_difference_is_one_from_other_pictures():
    result = audited(predictions_table(1_200, bias=0.6).drop(columns="label"), **CELLS)
    told, cause = cause_outcome(result), result.causes.iloc[0]
    points = f"{100 * abs(cause['effect']):.0f}"
    assert f"as {cause['emotion']} {points} points {'more' if cause['effect'] > 0 else 'less'} often" in told.headline
    assert "than other pictures" in told.headline
    assert "explain" not in told.headline


def test_a_negative_effect_is_told_as_less_often_with_its_interval_the_same_way_round(result):
    less = with_causes(result, "new")
    table = less.causes.assign(adjusted_effect=-0.2, adjusted_low=-0.228, adjusted_high=-0.172)
    told = cause_outcome(replace(less, tables={**less.tables, "causes": table}))
    assert "20 points less often" in told.headline
    assert told.lead == "The 95 % interval is 17 to 23 points."


def test_a_cause_that_is_seldom_found_again_is_told_with_that(result):
    told = cause_outcome(with_causes(result, "new", stable=3, halves=50))
    assert told.lead.endswith("It was found again in only 3 of 50 halves of the data.")


def test_skews_without_any_cause_are_not_called_the_models(result):
    none = replace(result, tables={**result.tables, "causes": result.causes.iloc[:0]})
    assert cause_outcome(none).headline == "No cause found: nothing shows that the model adds to what the labels say"


def test_tiles_count_causes_and_attributes(result):
    causes, quiet, few = first_tiles(result, cards_of(result))
    assert (causes.count, quiet.count, few.count) == (len(result.causes), 1, 0)
    assert (quiet.what, quiet.more) == ("attribute with no difference shown", "place")
    assert few.what == "attributes with too few pictures to tell"
    assert f"{(result.causes['kind'] == 'new').sum()} new" in causes.more
    older = replace(result, tables={})
    assert first_tiles(older, cards_of(older))[0].what == "attribute with a difference"
