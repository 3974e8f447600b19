"""Are two names of one feeling never pushed apart, and what surely differs always?"""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.data.taxonomies.joint import JointTaxonomy, equivalent_labels, joint, may_be_one
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

EKMAN, MIKELS, WEBEMO = (Taxonomy.named(name) for name in ("ekman6", "mikels8", "webemo25"))


def pair(mask: np.ndarray, first: Taxonomy, second: Taxonomy, one: str, other: str) -> bool:
    return bool(mask[first.labels.index(one), second.labels.index(other)])


@pytest.mark.parametrize(
    ("first", "one", "second", "other"),
    [
        (WEBEMO, "rage", EKMAN, "anger"),
        (WEBEMO, "horror", EKMAN, "fear"),
        (WEBEMO, "cheerfulness", EKMAN, "joy"),
        (MIKELS, "amusement", EKMAN, "joy"),
        (EKMAN, "fear", WEBEMO, "nervousness"),
        (EKMAN, "anger", MIKELS, "anger"),
    ],
)
def test_twins_are_known_by_the_map_of_either(first, one, second, other):
    assert pair(equivalent_labels(first, second), first, second, one, other)
    assert pair(may_be_one(second, first), second, first, other, one)


@pytest.mark.parametrize(
    ("first", "one", "second", "other"),
    [
        (WEBEMO, "rage", EKMAN, "joy"),
        (MIKELS, "awe", EKMAN, "anger"),
        (EKMAN, "joy", MIKELS, "anger"),
        (WEBEMO, "sadness", MIKELS, "amusement"),
    ],
)
def test_what_surely_differs_may_be_pushed_apart(first, one, second, other):
    assert not pair(may_be_one(first, second), first, second, one, other)


def test_what_nobody_knows_is_left_alone():
    assert pair(may_be_one(MIKELS, EKMAN), MIKELS, EKMAN, "awe", "surprise")
    assert not pair(equivalent_labels(MIKELS, EKMAN), MIKELS, EKMAN, "awe", "surprise")


def test_the_joint_mask_is_symmetric_and_labels_of_one_taxonomy_exclude_each_other():
    labels = joint([EKMAN, WEBEMO, EKMAN, MIKELS])
    assert [taxonomy.name for taxonomy in labels.taxonomies] == ["ekman6", "webemo25", "mikels8"]
    assert len(labels) == len(labels.labels) == 39
    mask = labels.not_negative
    np.testing.assert_array_equal(mask, mask.T)
    for taxonomy in labels.taxonomies:
        start = labels.offset(taxonomy)
        own = mask[start : start + len(taxonomy), start : start + len(taxonomy)]
        np.testing.assert_array_equal(own, np.eye(len(taxonomy), dtype=bool))
    assert labels.labels[labels.offset(WEBEMO)] == ("webemo25", WEBEMO.labels[0])


def test_taxonomies_that_nothing_connects_are_refused():
    other = Taxonomy("colours", ("red", "blue"))
    with pytest.raises(ValueError, match="'ekman6' and 'colours' have no map and no word in common"):
        joint([EKMAN, other])
    with pytest.raises(ValueError, match="given twice: ekman6, ekman6"):
        JointTaxonomy((EKMAN, EKMAN))
    with pytest.raises(ValueError, match="at least one is needed"):
        joint([])
    with pytest.raises(ValueError, match="'colours' is not among ekman6"):
        joint([EKMAN]).offset(other)


def test_twins_and_blocks_lie_over_the_joint_labels() -> None:
    together = joint([EKMAN, WEBEMO])
    np.testing.assert_array_equal(together.equivalent_labels[: len(EKMAN), len(EKMAN) :], equivalent_labels(EKMAN, WEBEMO))
    np.testing.assert_array_equal(together.equivalent_labels, together.equivalent_labels.T)
    assert not together.equivalent_labels[: len(EKMAN), : len(EKMAN)].any()
    assert (together.equivalent_labels <= together.not_negative).all()
    assert together.blocks.tolist() == [0] * len(EKMAN) + [1] * len(WEBEMO)


def test_no_built_in_synonym_stands_for_two_feelings() -> None:
    joint([EKMAN, MIKELS, WEBEMO, Taxonomy.named("parrott6")]).require_own_words()
    clash = Taxonomy("own", ("joy", "fear"), synonyms={"joy": ("terror",)})
    with pytest.raises(ValueError, match="'terror' may stand for ekman6's 'fear' and for own's 'joy', which exclude"):
        joint([EKMAN, clash]).require_own_words()
